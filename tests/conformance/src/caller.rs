//! A client of the API server, with the verbs of the stories.
//!
//! Each verb sends a real request, and panics if the response is not the one that its name states.

use anyhow::{Context as _, Result};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WARNING};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::objects::Resource;
use crate::operation::Operation;
use crate::reply::{Accepted, Refusal, Reply};

const SELF_SUBJECT_REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// A client with an identity, in a namespace.
#[derive(Clone)]
pub struct Caller {
    name: String,
    client: Client,
    namespace: String,
}

/// The identity of a caller according to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user name.
    pub user: String,
    /// The user ID; may be empty.
    pub uid: String,
    /// The groups, sorted.
    pub groups: Vec<String>,
}

impl Caller {
    /// Creates a caller. `name` identifies it in messages.
    #[must_use]
    pub fn new(name: String, client: Client, namespace: String) -> Self {
        Self {
            name,
            client,
            namespace,
        }
    }

    /// Requires that the API server identifies the caller as `user` in exactly `groups` and
    /// `system:authenticated`.
    ///
    /// # Panics
    /// Panics if it does not.
    pub async fn logs_in_as<'a>(
        &self,
        user: &str,
        groups: impl IntoIterator<Item = &'a str>,
    ) -> Identity {
        let mut groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
        groups.push("system:authenticated".to_owned());
        groups.sort();
        let identity = self.identity().await;
        assert_eq!(
            (identity.user.as_str(), &identity.groups),
            (user, &groups),
            "{} logs in",
            self.name
        );
        identity
    }

    /// Returns the identity of the caller.
    ///
    /// # Panics
    /// Panics if the API server does not authenticate the caller.
    pub async fn identity(&self) -> Identity {
        let reply = self.who_am_i().await;
        let is_logged_in = reply.is_success();
        let reply = reply.expect(is_logged_in, "a login");
        let user = &reply.body["status"]["userInfo"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut groups: Vec<String> = user["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect();
        groups.sort();
        Identity {
            user: text(&user["username"]),
            uid: text(&user["uid"]),
            groups,
        }
    }

    /// Requires that the API server rejects the credentials.
    ///
    /// # Panics
    /// Panics if it accepts them.
    pub async fn cannot_log_in(&self) -> Refusal {
        let reply = self.who_am_i().await;
        let is_unauthorized = reply.code == 401;
        Refusal(reply.expect(is_unauthorized, "401, no login"))
    }

    /// Requires that the authorizers allow a real request with the RBAC verb `verb`.
    ///
    /// # Panics
    /// Panics if they do not.
    pub async fn may(&self, verb: &str, resource: &str) {
        let reply = self.sends(Operation::harmless(verb, resource)).await;
        let is_authorized = reply.is_authorized();
        let _ = reply.expect(is_authorized, "authorized");
    }

    /// Requires that a real request with the RBAC verb `verb` is forbidden.
    ///
    /// # Panics
    /// Panics if it is not.
    pub async fn may_not(&self, verb: &str, resource: &str) -> Refusal {
        let reply = self.sends(Operation::harmless(verb, resource)).await;
        let is_forbidden = reply.is_forbidden();
        Refusal(reply.expect(is_forbidden, "403, forbidden"))
    }

    /// Requires that the authorizers make no decision: 500, neither allowed nor forbidden.
    ///
    /// # Panics
    /// Panics if they decide.
    pub async fn gets_no_decision(&self, verb: &str, resource: &str) -> Refusal {
        let reply = self.sends(Operation::harmless(verb, resource)).await;
        let is_undecided = reply.code == 500;
        Refusal(reply.expect(is_undecided, "500, no decision"))
    }

    /// Returns the result of a SelfSubjectAccessReview (`kubectl auth can-i`).
    ///
    /// # Panics
    /// Panics if the review fails.
    pub async fn can_i(&self, verb: &str, resource: &str) -> bool {
        let resource = Resource::named(resource);
        let attributes = json!({
            "namespace": if resource.namespaced { &self.namespace } else { "" },
            "verb": verb,
            "group": resource.group(),
            "resource": resource.plural,
        });
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        });
        let reply = self
            .posts(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                &review,
            )
            .await;
        let is_reviewed = reply.is_success();
        reply.expect(is_reviewed, "a reviewed access").body["status"]["allowed"] == true
    }

    /// Requires that the API server carries out an operation.
    ///
    /// # Panics
    /// Panics if it does not.
    pub async fn accepts(&self, operation: impl Into<Operation>) -> Accepted {
        let reply = self.sends(operation).await;
        let is_accepted = reply.is_success();
        Accepted(reply.expect(is_accepted, "accepted"))
    }

    /// Requires that an admission policy rejects an operation.
    ///
    /// # Panics
    /// Panics if none does.
    pub async fn rejects(&self, operation: impl Into<Operation>) -> Refusal {
        let reply = self.sends(operation).await;
        let is_rejected = reply.is_rejection();
        Refusal(reply.expect(is_rejected, "rejected by a policy"))
    }

    /// Requires that an operation fails because the admission policies make no decision.
    ///
    /// # Panics
    /// Panics if it succeeds, or fails for another reason.
    pub async fn fails(&self, operation: impl Into<Operation>) -> Refusal {
        let reply = self.sends(operation).await;
        let is_failed = reply.is_admission_failure();
        Refusal(reply.expect(is_failed, "500, no decision of admission"))
    }

    /// Requires that an object is accepted. Returns the stored object as read afterwards, with the
    /// warnings of the write.
    ///
    /// # Panics
    /// Panics if the object is not stored.
    pub async fn stores(&self, operation: impl Into<Operation>) -> Accepted {
        let operation = operation.into();
        let read = Operation::get(operation.resource.plural, operation.verb().1);
        let Accepted(written) = self.accepts(operation).await;
        let Accepted(stored) = self.accepts(read).await;
        Accepted(Reply {
            warnings: written.warnings,
            ..stored
        })
    }

    /// Requires that an object does not exist.
    ///
    /// # Panics
    /// Panics if it exists.
    pub async fn finds_no(&self, resource: &str, name: &str) {
        let reply = self.sends(Operation::get(resource, name)).await;
        let is_missing = reply.code == 404;
        let _ = reply.expect(is_missing, "404, not found");
    }

    /// Sends an operation, whatever the response.
    ///
    /// # Panics
    /// Panics if the API server cannot be reached.
    pub async fn sends(&self, operation: impl Into<Operation>) -> Reply {
        unwrap(self.try_send(&operation.into()).await)
    }

    /// Sends an operation while the API server may be down.
    ///
    /// # Errors
    /// If the API server cannot be reached, or its response is incomplete.
    pub async fn try_send(&self, operation: &Operation) -> Result<Reply> {
        let request = operation.request(&self.namespace)?;
        self.exchange(request, operation.to_string()).await
    }

    /// Sends a SelfSubjectReview, whatever the response.
    ///
    /// # Panics
    /// Panics if the API server cannot be reached.
    pub async fn who_am_i(&self) -> Reply {
        self.posts(SELF_SUBJECT_REVIEWS, &self_subject_review())
            .await
    }

    /// Sends a SelfSubjectReview with `token` on the caller's own connection, whatever the
    /// response.
    ///
    /// # Panics
    /// Panics if the API server cannot be reached.
    pub async fn who_has(&self, token: &str) -> Reply {
        unwrap(self.try_token(token).await)
    }

    /// Sends a SelfSubjectReview with `token` while the API server may be down.
    ///
    /// # Errors
    /// As for [`Caller::try_send`].
    pub async fn try_token(&self, token: &str) -> Result<Reply> {
        let request = Request::post(SELF_SUBJECT_REVIEWS)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(self_subject_review().to_string().into_bytes())?;
        self.exchange(request, "post with a token".to_owned()).await
    }

    /// Posts `body`, whatever the response.
    ///
    /// # Panics
    /// Panics if the API server cannot be reached.
    pub async fn posts(&self, path: &str, body: &Value) -> Reply {
        unwrap(self.try_post(path, body).await)
    }

    /// Posts `body` while the server may be down.
    ///
    /// # Errors
    /// As for [`Caller::try_send`].
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Reply> {
        let request = Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())?;
        self.exchange(request, format!("post {}", body["kind"]))
            .await
    }

    /// Reads a non-resource path as text while the server may be down.
    ///
    /// # Errors
    /// As for [`Caller::try_send`].
    pub async fn try_get(&self, path: &str) -> Result<Reply> {
        let request = Request::get(path).body(Vec::new())?;
        self.exchange(request, format!("get {path}")).await
    }

    /// `description` identifies the request in messages.
    async fn exchange(&self, request: Request<Vec<u8>>, description: String) -> Result<Reply> {
        let exchanged = exchange(&self.client, request).await;
        let (code, warnings, body) = exchanged.with_context(|| {
            let name = &self.name;
            format!("{name}: {description}: the API server does not respond")
        })?;
        Ok(Reply {
            caller: self.name.clone(),
            request: description,
            code,
            warnings,
            body,
        })
    }
}

fn self_subject_review() -> Value {
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" })
}

fn unwrap(reply: Result<Reply>) -> Reply {
    reply.unwrap_or_else(|error| panic!("{error:#}"))
}

async fn exchange(client: &Client, request: Request<Vec<u8>>) -> Result<(u16, Vec<String>, Value)> {
    let response = client.send(request.map(Body::from)).await?;
    let code = response.status().as_u16();
    let headers = response.headers().get_all(WARNING).iter();
    let warnings = headers
        .filter_map(|value| value.to_str().ok())
        .map(warning_text)
        .collect();
    let body = response.into_body().collect_bytes().await?;
    // The API server responds in plain text when authorizers fail.
    let text = || Value::from(String::from_utf8_lossy(&body));
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
    Ok((code, warnings, body))
}

/// Returns the text of `299 - "text"`.
fn warning_text(header: &str) -> String {
    let text = header.split_once('"').map_or(header, |(_, text)| text);
    text.trim_end_matches('"').replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extracts_the_quoted_text_of_a_warning() {
        assert_eq!(
            warning_text(r#"299 - "policy \"x\" failed""#),
            r#"policy "x" failed"#
        );
    }
}
