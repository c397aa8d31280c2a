//! Every host call's way: gate, payload, answer.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tracing::{debug, warn};

use crate::chain::chain;
use crate::kubernetes::{ContextFailure, ListAll, Listed, gatekeeper_inventory, opa_context};
use crate::session::{Player, Recorder};
use crate::{Grants, Refused, Request, Services, SessionError, log};

/// A host call, as the guest makes it. Its binding is checked by [`Refused::unless_kubewarden`].
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Name of the policy, for the log.
    pub policy: &'a str,
    /// `oci`, `kubernetes`, …
    pub namespace: &'a str,
    /// `v1/verify`, `can_i`, …
    pub operation: &'a str,
    /// JSON, as the operation has it.
    pub payload: &'a [u8],
}

/// How host calls are answered. Cheap to clone.
///
/// Dropping an answer that is waited for is fine: what it fetched for others too is fetched by the next of them.
#[derive(Clone)]
pub struct Capabilities(Arc<Source>);

enum Source {
    Nobody,
    Live(Services),
    Recorded(Services, Recorder),
    Replayed(Player),
}

impl Capabilities {
    /// Answers nothing but `tracing/log`.
    pub fn none() -> Self {
        Self(Arc::new(Source::Nobody))
    }

    /// Answers from the outside.
    pub fn live(services: Services) -> Self {
        Self(Arc::new(Source::Live(services)))
    }

    /// Answers from the outside, and writes each exchange to a session file at `path`, which is made anew.
    ///
    /// # Errors
    /// [`SessionError`] when the file cannot be written.
    pub fn recording(services: Services, path: &Path) -> Result<Self, SessionError> {
        let recorder = Recorder::create(path)?;
        Ok(Self(Arc::new(Source::Recorded(services, recorder))))
    }

    /// Answers from the session file at `path`, strictly in its order.
    ///
    /// # Errors
    /// [`SessionError`] when the file cannot be read.
    pub fn replaying(path: &Path) -> Result<Self, SessionError> {
        let player = Player::open(path)?;
        Ok(Self(Arc::new(Source::Replayed(player))))
    }

    /// The recorded requests that nobody has made yet; always none unless replaying.
    pub fn leftovers(&self) -> Vec<Request> {
        match &*self.0 {
            Source::Replayed(player) => player.leftovers(),
            _ => Vec::new(),
        }
    }

    /// Answers one call with the payload for the guest.
    ///
    /// # Errors
    /// [`Refused`], whose text is for the guest.
    pub async fn answer(&self, grants: &Grants, call: Call<'_>) -> Result<Vec<u8>, Refused> {
        if call.namespace == "tracing" {
            return match call.operation {
                "log" => {
                    log::emit(call.policy, call.payload);
                    Ok(Vec::new())
                }
                other => Err(Refused::UnknownOperation(other.to_owned())),
            };
        }
        let request = permitted(grants, call)?;
        let answer = self.perform(request).await;
        if let Err(refused) = &answer {
            let refused = log::bounded(&refused.to_string());
            debug!(
                policy = call.policy,
                call.namespace, call.operation, refused, "host call failed"
            );
        }
        answer
    }

    /// What Rego policies of the mode `opa` see of the cluster: `{"kubernetes": {…}}` with all objects of the granted
    /// kinds; `{}` when none is granted. `hostCapabilities` do not matter here.
    ///
    /// # Errors
    /// [`Refused::Failed`], [`Refused::Unavailable`].
    pub async fn opa_context(&self, grants: &Grants) -> Result<Vec<u8>, Refused> {
        let make = Box::pin(async {
            let listed = self.list_granted(grants).await?;
            let mut plurals = Vec::with_capacity(listed.len());
            for Listed { resource, .. } in &listed {
                let plural = Request::KubernetesGetResourcePluralName {
                    api_version: resource.api_version.clone(),
                    kind: resource.kind.clone(),
                };
                let answer = self.perform(plural).await?;
                plurals.push(serde_json::from_slice(&answer).map_err(|e| failed(&e.into()))?);
            }
            opa_context(&listed, &plurals).map_err(|failure| failed(&failure))
        });
        self.context("opa", grants, make).await
    }

    /// What Rego policies of the mode `gatekeeper` see of the cluster: `{"inventory": {…}}`, else as
    /// [`opa_context`](Self::opa_context).
    ///
    /// # Errors
    /// [`Refused::Failed`], [`Refused::Unavailable`].
    pub async fn gatekeeper_inventory(&self, grants: &Grants) -> Result<Vec<u8>, Refused> {
        let make = Box::pin(async {
            let listed = self.list_granted(grants).await?;
            gatekeeper_inventory(&listed).map_err(|failure| failed(&failure))
        });
        self.context("gatekeeper", grants, make).await
    }

    /// Documents are kept as bytes for as long as the lists in them; sessions hold the lists instead.
    async fn context(
        &self,
        mode: &str,
        grants: &Grants,
        make: impl Future<Output = Result<Vec<u8>, Refused>>,
    ) -> Result<Vec<u8>, Refused> {
        if grants.resources().is_empty() {
            return Ok(b"{}".to_vec());
        }
        match &*self.0 {
            Source::Live(services) => {
                let key = Sha256::digest(format!("{mode} {:?}", grants.resources()));
                services.keep(key.into(), make).await
            }
            _ => make.await,
        }
    }

    async fn list_granted(&self, grants: &Grants) -> Result<Vec<Listed>, Refused> {
        let mut listed = Vec::with_capacity(grants.resources().len());
        for resource in grants.resources() {
            let list = Request::KubernetesListResourceAll(ListAll {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
                label_selector: None,
                field_selector: None,
                field_masks: None,
            });
            listed.push(Listed {
                resource: resource.clone(),
                list: self.perform(list).await?,
            });
        }
        Ok(listed)
    }

    async fn perform(&self, request: Request) -> Result<Vec<u8>, Refused> {
        match &*self.0 {
            Source::Nobody => Err(Refused::Unavailable),
            Source::Live(services) => services.perform(&request).await,
            Source::Recorded(services, recorder) => {
                let answer = services.perform(&request).await;
                recorder.record(&request, &answer);
                answer
            }
            Source::Replayed(player) => player.answer(&request),
        }
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Source::Nobody => "Capabilities::none",
            Source::Live(_) => "Capabilities::live",
            Source::Recorded(..) => "Capabilities::recording",
            Source::Replayed(_) => "Capabilities::replaying",
        })
    }
}

/// The call as a request, if the policy may make it.
fn permitted(grants: &Grants, call: Call<'_>) -> Result<Request, Refused> {
    let permitted = grants
        .check_call(call.namespace, call.operation)
        .and_then(|()| Request::parse(call.namespace, call.operation, call.payload))
        .and_then(|request| grants.check_resource(&request).map(|()| request));
    if let Err(refused) = &permitted {
        // What the guest is told may quote what it sent: it is left to level debug, in bounds.
        let (namespace, operation) = (log::bounded(call.namespace), log::bounded(call.operation));
        warn!(
            policy = call.policy,
            namespace, operation, "host call refused"
        );
        let told = log::bounded(&refused.to_string());
        debug!(policy = call.policy, told, "what the policy was told");
    }
    permitted
}

fn failed(failure: &ContextFailure) -> Refused {
    Refused::Failed(chain(failure))
}

#[cfg(test)]
mod tests;
