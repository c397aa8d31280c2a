//! What Kubewarden policies may ask the world: Kubernetes, registries, names, certificates; granted, bounded and cached.
//!
//! A call comes in as `(namespace, operation, payload)` and goes out as payload bytes or as the text of an error for the
//! guest; there is no wasm here. [`Capabilities::answer`] is the way of every call:
//!
//! 1. [`Grants`] say whether the policy may make it, before its payload is read;
//! 2. [`Request`] is what it asks, typed;
//! 3. [`Services`] answer it, or a recorded session does.
//!
//! Shapes and texts are those of Kubewarden's host capabilities, because guests match on them.

mod cache;
mod capabilities;
mod chain;
mod crypto;
mod grants;
mod kubernetes;
mod log;
mod net;
mod oci;
mod refused;
mod request;
mod services;
mod session;
mod sigstore;
#[cfg(test)]
mod testing;

pub use capabilities::{Call, Capabilities};
pub use grants::{Grants, KubernetesResource, PatternError};
pub use refused::Refused;
pub use request::Request;
pub use services::{ServiceOptions, Services};
pub use session::SessionError;

/// The types inside a [`Request`].
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
