//! The path of every host call: grants, payload, response.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use tracing::{debug, warn};

use crate::capability::HostCapability;
use crate::error::{HostCallError, error_chain};
use crate::grants::Grants;
use crate::kubernetes::{ContextFailure, ListAll, Listed, gatekeeper_inventory, opa_context};
use crate::log;
use crate::request::Request;
use crate::services::Services;
use crate::session::{Player, Recorder, SessionError};

/// Bytes that a policy may log in one call: the same bound as for a module's stderr.
const MAX_LOG_BYTES: usize = 64 << 10;

/// The source of the responses to host calls, shared by all policies. Cheap to clone.
///
/// Dropping a future of this type is safe: a fetch on which other callers wait is continued by one
/// of them.
///
/// ```
/// use capabilities::{Capabilities, ServiceOptions, Services};
///
/// // Connects to nothing before the first host call.
/// let capabilities = Capabilities::live(Services::new(ServiceOptions::default()));
/// assert!(capabilities.leftovers().is_empty());
/// ```
#[derive(Clone)]
pub struct Capabilities(Arc<Source>);

enum Source {
    None,
    Live(Services),
    Recorded(Services, Recorder),
    Replayed(Player),
}

impl Capabilities {
    /// Creates capabilities that respond to `tracing/log` only.
    pub fn none() -> Self {
        Self(Arc::new(Source::None))
    }

    /// Creates capabilities that respond from the cluster, registries and DNS.
    pub fn live(services: Services) -> Self {
        Self(Arc::new(Source::Live(services)))
    }

    /// Creates capabilities like [`live`](Self::live) that also write each exchange to a session
    /// file at `path`, which is truncated.
    ///
    /// # Errors
    /// [`SessionError`] when the file cannot be written.
    pub fn recording(services: Services, path: &Path) -> Result<Self, SessionError> {
        let recorder = Recorder::create(path)?;
        Ok(Self(Arc::new(Source::Recorded(services, recorder))))
    }

    /// Creates capabilities that respond from the session file at `path`, strictly in its order.
    ///
    /// # Errors
    /// [`SessionError`] when the file cannot be read.
    pub fn replaying(path: &Path) -> Result<Self, SessionError> {
        let player = Player::open(path)?;
        Ok(Self(Arc::new(Source::Replayed(player))))
    }

    /// Returns the recorded requests that have not been made yet; empty unless replaying.
    pub fn leftovers(&self) -> Vec<Request> {
        match &*self.0 {
            Source::Replayed(player) => player.leftovers(),
            _ => Vec::new(),
        }
    }

    async fn perform(&self, request: Request) -> Result<Vec<u8>, HostCallError> {
        match &*self.0 {
            Source::None => Err(HostCallError::Unavailable),
            Source::Live(services) => services.perform(&request).await,
            Source::Recorded(services, recorder) => {
                let response = services.perform(&request).await;
                recorder.record(&request, &response);
                response
            }
            Source::Replayed(player) => player.respond(&request),
        }
    }

    async fn list_granted(&self, grants: &Grants) -> Result<Vec<Listed>, HostCallError> {
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
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Source::None => "Capabilities::none",
            Source::Live(_) => "Capabilities::live",
            Source::Recorded(..) => "Capabilities::recording",
            Source::Replayed(_) => "Capabilities::replaying",
        })
    }
}

/// The capabilities of one policy, under its grants. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PolicyCapabilities {
    policy: Arc<str>,
    capabilities: Capabilities,
    grants: Arc<Grants>,
}

impl PolicyCapabilities {
    /// Creates the capabilities of the policy named `policy`; the name appears in the log.
    pub fn new(policy: &str, capabilities: Capabilities, grants: Arc<Grants>) -> Self {
        Self {
            policy: policy.into(),
            capabilities,
            grants,
        }
    }

    /// Returns the name of the policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns the grants of the policy.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Returns the capabilities for one call of the policy, with a log budget of its own.
    pub fn begin_call(&self) -> CallCapabilities {
        CallCapabilities {
            policy: self.clone(),
            log_bytes_left: AtomicUsize::new(MAX_LOG_BYTES),
        }
    }

    /// Returns the cluster as a Rego policy of the mode `opa` sees it: `{"kubernetes": {…}}` with
    /// all objects of the granted kinds, or `{}` if no kind is granted. Independent of
    /// `hostCapabilities`.
    ///
    /// # Errors
    /// [`HostCallError::Failed`], [`HostCallError::Unavailable`].
    pub async fn opa_context(&self) -> Result<Vec<u8>, HostCallError> {
        let build = Box::pin(async {
            let listed = self.capabilities.list_granted(&self.grants).await?;
            let mut plurals = Vec::with_capacity(listed.len());
            for Listed { resource, .. } in &listed {
                let plural = Request::KubernetesGetResourcePluralName {
                    api_version: resource.api_version.clone(),
                    kind: resource.kind.clone(),
                };
                let response = self.capabilities.perform(plural).await?;
                plurals.push(serde_json::from_slice(&response).map_err(|e| failed(&e.into()))?);
            }
            opa_context(&listed, &plurals).map_err(|failure| failed(&failure))
        });
        self.cached_context("opa", build).await
    }

    /// Returns the cluster as a Rego policy of the mode `gatekeeper` sees it: `{"inventory": {…}}`,
    /// otherwise like [`opa_context`](Self::opa_context).
    ///
    /// # Errors
    /// [`HostCallError::Failed`], [`HostCallError::Unavailable`].
    pub async fn gatekeeper_inventory(&self) -> Result<Vec<u8>, HostCallError> {
        let build = Box::pin(async {
            let listed = self.capabilities.list_granted(&self.grants).await?;
            gatekeeper_inventory(&listed).map_err(|failure| failed(&failure))
        });
        self.cached_context("gatekeeper", build).await
    }

    /// Caches a document as bytes, for as long as the lists in it. Sessions record the lists.
    async fn cached_context(
        &self,
        mode: &str,
        build: impl Future<Output = Result<Vec<u8>, HostCallError>>,
    ) -> Result<Vec<u8>, HostCallError> {
        if self.grants.resources().is_empty() {
            return Ok(b"{}".to_vec());
        }
        match &*self.capabilities.0 {
            Source::Live(services) => {
                let key = Sha256::digest(format!("{mode} {:?}", self.grants.resources()));
                services.cached(key.into(), build).await
            }
            _ => build.await,
        }
    }

    /// Parses the payload of a call if the policy may make it.
    fn authorize(
        &self,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Request, HostCallError> {
        let request = self
            .grants
            .check_call(namespace, operation)
            .and_then(|()| Request::parse(namespace, operation, payload))
            .and_then(|request| self.grants.check_resource(&request).map(|()| request));
        if let Err(error) = &request {
            // The error may quote the guest's text: it is logged at level debug only, bounded.
            let policy = self.policy();
            let (namespace, operation) = (log::bounded(namespace), log::bounded(operation));
            warn!(policy, namespace, operation, "host call refused");
            let error = log::bounded(&error.to_string());
            debug!(policy, error, "error returned to the policy");
        }
        request
    }
}

/// The capabilities of a policy during one call of it.
#[derive(Debug)]
pub struct CallCapabilities {
    policy: PolicyCapabilities,
    log_bytes_left: AtomicUsize,
}

impl CallCapabilities {
    /// Performs a host call and returns the payload for the guest.
    ///
    /// # Errors
    /// [`HostCallError`], with the text for the guest.
    pub async fn respond(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, HostCallError> {
        if binding != "kubewarden" {
            return Err(HostCallError::UnknownBinding(binding.to_owned()));
        }
        // The one namespace that needs no grant.
        if namespace == HostCapability::Tracing.name().0 {
            HostCapability::parse(namespace, operation)?;
            self.log(payload);
            return Ok(Vec::new());
        }
        let request = self.policy.authorize(namespace, operation, payload)?;
        let response = self.policy.capabilities.perform(request).await;
        if let Err(error) = &response {
            let policy = self.policy.policy();
            let error = log::bounded(&error.to_string());
            debug!(policy, namespace, operation, error, "host call failed");
        }
        response
    }

    /// Logs an entry within the budget of the call. The first entry beyond it is replaced by a
    /// warning.
    fn log(&self, payload: &[u8]) {
        let left = self.log_bytes_left.load(Ordering::Relaxed);
        let rest = left.saturating_sub(payload.len());
        self.log_bytes_left.store(rest, Ordering::Relaxed);
        if rest > 0 {
            log::emit(self.policy.policy(), payload);
        } else if left > 0 {
            let policy = self.policy.policy();
            warn!(policy, "dropped the rest of the policy's log");
        }
    }
}

fn failed(failure: &ContextFailure) -> HostCallError {
    HostCallError::Failed(error_chain(failure))
}

#[cfg(test)]
mod tests;
