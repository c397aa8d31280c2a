//! Somebody who talks to the API server: the verbs of the stories.
//!
//! Every verb makes a real request and panics when the answer is not the one that it is named for.

use anyhow::{Context as _, Result};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WARNING};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::objects::Resource;
use crate::operation::Operation;
use crate::reply::{Accepted, Refusal, Reply};

/// A client with an identity, in a namespace.
#[derive(Clone)]
pub struct Caller {
    name: String,
    client: Client,
    namespace: String,
}

/// Who the API server takes a caller for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user name.
    pub user: String,
    /// The user id; empty when there is none.
    pub uid: String,
    /// The groups, sorted.
    pub groups: Vec<String>,
}

impl Caller {
    /// `name` is for people who read what went wrong.
    #[must_use]
    pub fn new(name: String, client: Client, namespace: String) -> Self {
        Self {
            name,
            client,
            namespace,
        }
    }

    /// The API server takes the caller for `user` in exactly `groups`, and in `system:authenticated` as everybody who
    /// logs in.
    ///
    /// # Panics
    /// It does not.
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

    /// Who the caller is.
    ///
    /// # Panics
    /// It is nobody: the API server answers 401.
    pub async fn identity(&self) -> Identity {
        let reply = self.who_am_i().await;
        let logged_in = reply.is_success();
        let reply = reply.expect(logged_in, "a login");
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

    /// The API server does not take the credentials.
    ///
    /// # Panics
    /// It does.
    pub async fn cannot_log_in(&self) -> Refusal {
        let reply = self.who_am_i().await;
        let unauthorized = reply.code == 401;
        Refusal(reply.expect(unauthorized, "401, no login"))
    }

    /// A real request with the RBAC verb `verb` passes the authorizers.
    ///
    /// # Panics
    /// It does not.
    pub async fn may(&self, verb: &str, resource: &str) {
        let reply = self.asks(Operation::harmless(verb, resource)).await;
        let authorized = reply.is_authorized();
        let _ = reply.expect(authorized, "authorized");
    }

    /// A real request with the RBAC verb `verb` is forbidden.
    ///
    /// # Panics
    /// It is not.
    pub async fn may_not(&self, verb: &str, resource: &str) -> Refusal {
        let reply = self.asks(Operation::harmless(verb, resource)).await;
        let forbidden = reply.is_forbidden();
        Refusal(reply.expect(forbidden, "403, forbidden"))
    }

    /// The API server cannot tell whether the caller may: 500, neither yes nor no.
    ///
    /// # Panics
    /// It can.
    pub async fn is_left_without_an_answer(&self, verb: &str, resource: &str) -> Refusal {
        let reply = self.asks(Operation::harmless(verb, resource)).await;
        let undecided = reply.code == 500;
        Refusal(reply.expect(undecided, "500, no decision"))
    }

    /// What a SelfSubjectAccessReview says about `verb` and `resource` (`kubectl auth can-i`).
    ///
    /// # Panics
    /// There is no answer.
    pub async fn is_told_that_it_may(&self, verb: &str, resource: &str) -> bool {
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
        let answered = reply.is_success();
        reply.expect(answered, "an answer").body["status"]["allowed"] == true
    }

    /// The API server does what it is asked.
    ///
    /// # Panics
    /// It does not.
    pub async fn accepts(&self, operation: impl Into<Operation>) -> Accepted {
        let reply = self.asks(operation).await;
        let accepted = reply.is_success();
        Accepted(reply.expect(accepted, "accepted"))
    }

    /// A policy of admission rejects what is asked.
    ///
    /// # Panics
    /// None does.
    pub async fn rejects(&self, operation: impl Into<Operation>) -> Refusal {
        let reply = self.asks(operation).await;
        let rejected = reply.is_rejection();
        Refusal(reply.expect(rejected, "rejected by a policy"))
    }

    /// The API server cannot do what it is asked, because a policy of admission does not answer.
    ///
    /// # Panics
    /// It can, or has other reasons.
    pub async fn fails(&self, operation: impl Into<Operation>) -> Refusal {
        let reply = self.asks(operation).await;
        let failed = reply.is_admission_failure();
        Refusal(reply.expect(failed, "500, no decision of admission"))
    }

    /// The object is accepted; the answer is what a later read finds, with the warnings of the write.
    ///
    /// # Panics
    /// It is not stored.
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

    /// There is no such object.
    ///
    /// # Panics
    /// There is.
    pub async fn misses(&self, resource: &str, name: &str) {
        let reply = self.asks(Operation::get(resource, name)).await;
        let missing = reply.code == 404;
        let _ = reply.expect(missing, "404, not found");
    }

    /// Asks, and judges nothing.
    ///
    /// # Panics
    /// The API server cannot be reached.
    pub async fn asks(&self, operation: impl Into<Operation>) -> Reply {
        reached(self.tries(&operation.into()).await)
    }

    /// Asks, and judges nothing, where the API server may be away.
    ///
    /// # Errors
    /// The API server cannot be reached, or does not answer to the end.
    pub async fn tries(&self, operation: &Operation) -> Result<Reply> {
        let request = operation.request(&self.namespace)?;
        self.send(request, operation.to_string()).await
    }

    /// Asks the API server who the caller is, and judges nothing.
    ///
    /// # Panics
    /// The API server cannot be reached.
    pub async fn who_am_i(&self) -> Reply {
        let review =
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        self.posts("/apis/authentication.k8s.io/v1/selfsubjectreviews", &review)
            .await
    }

    /// Asks the API server who the bearer of `token` is, on the caller's own connection; judges nothing.
    ///
    /// # Panics
    /// The API server cannot be reached.
    pub async fn who_has(&self, token: &str) -> Reply {
        reached(self.tries_token(token).await)
    }

    /// The same where the API server may be away.
    ///
    /// # Errors
    /// As for [`Caller::tries`].
    pub async fn tries_token(&self, token: &str) -> Result<Reply> {
        let review =
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let request = Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(review.to_string().into_bytes())?;
        self.send(request, "post with a token".to_owned()).await
    }

    /// Posts `body`, and judges nothing.
    ///
    /// # Panics
    /// The API server cannot be reached.
    pub async fn posts(&self, path: &str, body: &Value) -> Reply {
        reached(self.tries_post(path, body).await)
    }

    /// The same where nobody may be listening.
    ///
    /// # Errors
    /// As for [`Caller::tries`].
    pub async fn tries_post(&self, path: &str, body: &Value) -> Result<Reply> {
        let request = Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())?;
        self.send(request, format!("post {}", body["kind"])).await
    }

    /// Reads a path that is no resource, as text.
    ///
    /// # Errors
    /// As for [`Caller::tries`].
    pub async fn reads(&self, path: &str) -> Result<Reply> {
        let request = Request::get(path).body(Vec::new())?;
        self.send(request, format!("get {path}")).await
    }

    async fn send(&self, request: Request<Vec<u8>>, words: String) -> Result<Reply> {
        let exchanged = exchange(&self.client, request).await;
        let (code, warnings, body) = exchanged.with_context(|| {
            let name = &self.name;
            format!("{name}: {words}: the API server does not answer")
        })?;
        Ok(Reply {
            caller: self.name.clone(),
            request: words,
            code,
            warnings,
            body,
        })
    }
}

fn reached(reply: Result<Reply>) -> Reply {
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
    // When authorizers fail, the API server answers in plain text.
    let text = || Value::from(String::from_utf8_lossy(&body));
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
    Ok((code, warnings, body))
}

/// The text in `299 - "text"`.
fn warning_text(header: &str) -> String {
    let text = header.split_once('"').map_or(header, |(_, text)| text);
    text.trim_end_matches('"').replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_what_stands_in_quotes() {
        assert_eq!(
            warning_text(r#"299 - "policy \"x\" failed""#),
            r#"policy "x" failed"#
        );
    }
}
