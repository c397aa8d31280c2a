//! Host capabilities of Kubewarden policies: Kubernetes, registries, DNS and certificates.
//!
//! A host call arrives as `(binding, namespace, operation, payload)` and ends as payload bytes or
//! as the text of an error for the guest. This crate is independent of WebAssembly.
//! [`CallCapabilities::respond`] handles every call in three steps:
//!
//! 1. [`Grants`] permit or refuse the call before its payload is parsed.
//! 2. The payload is parsed into a [`Request`].
//! 3. [`Services`], or a recorded session, perform the request. Results are bounded and cached.
//!
//! Payloads and error texts are those of Kubewarden's host capabilities, because guests match on
//! them.
//!
//! ```
//! use std::sync::Arc;
//!
//! use capabilities::{Capabilities, Grants, HostCallError, PolicyCapabilities};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let grants = Grants::new(["oci/*"], []).unwrap();
//! let policy = PolicyCapabilities::new("signed-images", Capabilities::none(), Arc::new(grants));
//! let call = policy.begin_call();
//! let response = call.respond("kubewarden", "net", "v1/dns_lookup_host", br#""example.org""#);
//! assert_eq!(
//!     response.await,
//!     Err(HostCallError::CapabilityNotGranted { path: "net/v1/dns_lookup_host".into() }),
//! );
//! # });
//! ```

mod cache;
mod capabilities;
mod capability;
mod crypto;
mod error;
mod grants;
mod kubernetes;
mod log;
mod net;
mod oci;
mod request;
mod services;
mod session;
mod sigstore;
#[cfg(test)]
mod testing;

pub use capabilities::{CallCapabilities, Capabilities, PolicyCapabilities};
pub use capability::HostCapability;
pub use error::{HostCallError, error_chain};
pub use grants::{Grants, PatternError};
pub use kubernetes::KubernetesResource;
pub use request::Request;
pub use services::{ServiceOptions, Services};
pub use session::SessionError;

/// The types of the fields of a [`Request`].
pub mod requests {
    pub use crate::crypto::{Certificate, CertificateEncoding, CertificateVerification};
    pub use crate::kubernetes::{
        GetResource, ListAll, ListInNamespace, ResourceAttributes, SubjectAccess,
    };
    pub use crate::sigstore::{
        CertificateVerify, GithubActionsVerify, KeylessIdentity, KeylessPrefix,
        KeylessPrefixVerify, KeylessVerify, PubKeyVerify,
    };
}
