//! Why a host call has no payload to give back.

/// A host call that failed. `Display` is the text for the guest: guests match on it, so it reads as Kubewarden's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The call was not addressed to `kubewarden`.
    #[error("unknown binding: {0}")]
    UnknownBinding(String),
    /// There is no such namespace.
    #[error("unknown namespace: {0}")]
    UnknownNamespace(String),
    /// The namespace has no such operation.
    #[error("unknown operation: {0}")]
    UnknownOperation(String),
    /// The policy's `hostCapabilities` do not list the call.
    #[error(
        "Policy has not been granted access to the '{path}' host capability. The violation has been reported."
    )]
    CapabilityNotGranted {
        /// `<namespace>/<operation>`.
        path: String,
    },
    /// The policy's `contextAwareResources` do not list the kind.
    #[error(
        "Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported."
    )]
    ResourceNotGranted {
        /// As asked for: `v1`, `apps/v1`.
        api_version: String,
        /// As asked for: `Namespace`.
        kind: String,
    },
    /// The payload is not what the operation takes.
    #[error("{0}")]
    Malformed(String),
    /// The call was made, or replayed, and failed.
    #[error("Callback evaluation failure: {0}")]
    Failed(String),
    /// Nothing answers host calls here ([`Capabilities::none`](crate::Capabilities::none)).
    #[error("Cannot process Wasm guest request: callback channel not provided")]
    Unavailable,
}

impl Refused {
    /// Checks the first argument of a host call, which must be `kubewarden`.
    ///
    /// # Errors
    /// [`Refused::UnknownBinding`].
    pub fn unless_kubewarden(binding: &str) -> Result<(), Self> {
        match binding {
            "kubewarden" => Ok(()),
            other => Err(Self::UnknownBinding(other.to_owned())),
        }
    }
}
