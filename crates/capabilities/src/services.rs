//! Live services: the cluster, registries and DNS, cached, with a bounded number of concurrent
//! calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::cache::{Cache, Key};
use crate::crypto::{self, CertificateFailure};
use crate::error::{HostCallError, error_chain};
use crate::kubernetes::{Cluster, GetResource, KubernetesFailure, apply_field_masks};
use crate::net::{self, LookupFailure};
use crate::oci::{Registries, RegistryFailure};
use crate::request::Request;
use crate::sigstore::{self, SignatureFailure};

/// Lifetime of cached responses of the cluster.
const CLUSTER_TTL: Duration = Duration::from_secs(5);
/// Lifetime of cached responses of registries and DNS, and of verified signatures.
const EXTERNAL_TTL: Duration = Duration::from_secs(60);
/// Bytes of each of the two caches.
const MAX_CACHE_BYTES: usize = 64 << 20;
/// Concurrent outbound calls. Further calls wait, bounded by the deadlines of their policies.
const MAX_OUTBOUND_CALLS: usize = 64;

/// The configuration of [`Services`]. Connections are made when a policy first needs them.
#[derive(Debug, Clone, Default)]
pub struct ServiceOptions {
    /// The kubeconfig of the cluster. Default: the usual kubeconfig, or the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// A Docker `config.json` with the credentials for registries.
    pub docker_config: Option<PathBuf>,
    /// Registries (`host[:port]`) that are accessed without TLS.
    pub insecure_registries: Vec<String>,
}

/// The services outside this process, shared by all policies. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    registries: Registries,
    cluster_cache: Cache<Arc<[u8]>>,
    external_cache: Cache<Arc<[u8]>>,
    outbound: Semaphore,
}

/// A request that was performed and failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Kubernetes(#[from] KubernetesFailure),
    #[error(transparent)]
    Registry(#[from] RegistryFailure),
    #[error(transparent)]
    Signature(#[from] SignatureFailure),
    #[error(transparent)]
    Lookup(#[from] LookupFailure),
    #[error(transparent)]
    Certificate(#[from] CertificateFailure),
    #[error("this request is supported in recorded sessions only")]
    OnlyRecorded,
    #[error("cannot serialize the response")]
    Json(#[from] serde_json::Error),
}

impl Services {
    /// Creates services without connecting to them.
    pub fn new(options: ServiceOptions) -> Self {
        let cache = |ttl| Cache::new(ttl, MAX_CACHE_BYTES, |bytes: &Arc<[u8]>| bytes.len());
        Self(Arc::new(Shared {
            cluster: Cluster::new(options.kubeconfig),
            registries: Registries::new(options.insecure_registries, options.docker_config),
            cluster_cache: cache(CLUSTER_TTL),
            external_cache: cache(EXTERNAL_TTL),
            outbound: Semaphore::new(MAX_OUTBOUND_CALLS),
        }))
    }

    /// Performs a request, from the cache if possible.
    ///
    /// # Errors
    /// [`HostCallError::Failed`].
    pub(crate) async fn perform(&self, request: &Request) -> Result<Vec<u8>, HostCallError> {
        self.0
            .perform(request)
            .await
            .map_err(|failure| HostCallError::Failed(error_chain(&failure)))
    }

    /// Caches the output of `build` for as long as responses of the cluster.
    pub(crate) async fn cached(
        &self,
        key: Key,
        build: impl Future<Output = Result<Vec<u8>, HostCallError>>,
    ) -> Result<Vec<u8>, HostCallError> {
        let built = async { build.await.map(Arc::from) };
        let cached = self.0.cluster_cache.get_or_try(key, built).await?;
        Ok(cached.to_vec())
    }
}

impl Shared {
    async fn perform(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        match request {
            Request::KubernetesGetResource(get) => {
                // Whole objects are cached, so that all masks apply to the same one.
                let whole = GetResource {
                    field_masks: None,
                    ..get.clone()
                };
                let object = self.cached(&Request::KubernetesGetResource(whole)).await?;
                match &get.field_masks {
                    Some(masks) if !masks.is_empty() => Ok(apply_field_masks(&object, masks)?),
                    _ => Ok(object),
                }
            }
            Request::CryptoIsCertificateTrusted { request } => Ok(crypto::is_trusted(request)?),
            request => self.cached(request).await,
        }
    }

    async fn cached(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let Some(cache) = self.cache(request) else {
            return self.fetch(request).await;
        };
        let fetch = async { self.fetch(request).await.map(Arc::from) };
        Ok(cache.get_or_try(request.key(), fetch).await?.to_vec())
    }

    /// Returns the cache for responses to a request, if they are cached.
    fn cache(&self, request: &Request) -> Option<&Cache<Arc<[u8]>>> {
        match request {
            Request::KubernetesGetResource(GetResource {
                disable_cache: true,
                ..
            })
            | Request::KubernetesCanI {
                disable_cache: true,
                ..
            } => None,
            Request::KubernetesGetResource(_)
            | Request::KubernetesCanI { .. }
            | Request::KubernetesListResourceAll(_)
            | Request::KubernetesListResourceNamespace(_) => Some(&self.cluster_cache),
            Request::OciManifestDigest { .. }
            | Request::OciManifest { .. }
            | Request::OciManifestAndConfig { .. }
            | Request::SigstorePubKeyVerify(_)
            | Request::SigstoreCertificateVerify(_)
            | Request::DnsLookupHost { .. } => Some(&self.external_cache),
            _ => None,
        }
    }

    async fn fetch(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        // The semaphore is never closed, so this always yields a permit.
        let _permit = self.outbound.acquire().await;
        // Futures of HTTP clients are large; a caller that waits for a cached response must not
        // carry one.
        Box::pin(self.call(request)).await
    }

    async fn call(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let (cluster, registries) = (&self.cluster, &self.registries);
        Ok(match request {
            Request::OciManifestDigest { image } => registries.manifest_digest(image).await?,
            Request::OciManifest { image } => registries.manifest(image).await?,
            Request::OciManifestAndConfig { image } => {
                registries.manifest_and_config(image).await?
            }
            Request::SigstorePubKeyVerify(verify) => {
                sigstore::verify_keys(registries, verify).await?
            }
            Request::SigstoreCertificateVerify(verify) => {
                sigstore::verify_certificate(registries, verify).await?
            }
            Request::SigstoreKeylessVerify(verify) => {
                return Err(sigstore::keyless_failure(verify.keyless.len()).into());
            }
            Request::SigstoreKeylessPrefixVerify(verify) => {
                return Err(sigstore::keyless_failure(verify.keyless_prefix.len()).into());
            }
            Request::SigstoreGithubActionsVerify(verify) => {
                return Err(sigstore::github_actions_failure(verify).into());
            }
            Request::DnsLookupHost { host } => net::lookup(host).await?,
            Request::KubernetesListResourceNamespace(list) => {
                cluster.list_in_namespace(list).await?
            }
            Request::KubernetesListResourceAll(list) => cluster.list(list).await?,
            Request::KubernetesGetResource(get) => cluster.get(get).await?,
            Request::KubernetesGetResourcePluralName { api_version, kind } => {
                serde_json::to_vec(&cluster.plural(api_version, kind).await?)?
            }
            Request::KubernetesCanI { request, .. } => cluster.can_i(request).await?,
            Request::CryptoIsCertificateTrusted { request } => crypto::is_trusted(request)?,
            Request::HasKubernetesListResourceAllResultChangedSinceInstant { .. } => {
                return Err(Failure::OnlyRecorded);
            }
        })
    }
}
