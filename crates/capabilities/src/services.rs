//! What really answers: a cluster, registries, the resolver; cached, and at most so many calls at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::cache::{Cache, Key};
use crate::chain::chain;
use crate::crypto::{self, CertificateFailure};
use crate::kubernetes::{Cluster, GetResource, KubernetesFailure, masked};
use crate::net::{self, LookupFailure};
use crate::oci::{Registries, RegistryFailure};
use crate::sigstore::{self, SignatureFailure};
use crate::{Refused, Request};

/// What the cluster said is used again for so long.
const CLUSTER_TTL: Duration = Duration::from_secs(5);
/// What registries, signatures and names said is used again for so long.
const WORLD_TTL: Duration = Duration::from_secs(60);
/// All that is kept of either, at most.
const CACHE_BYTES_MAX: usize = 64 << 20;
/// Calls to the outside at one time. More of them wait; their policies' deadlines bound the wait.
const OUTBOUND_MAX: usize = 64;

/// Where the answers come from. Nothing is connected to before a policy asks for it.
#[derive(Debug, Clone, Default)]
pub struct ServiceOptions {
    /// The cluster. Without it: the usual kubeconfig, or the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// A Docker config.json with the credentials for registries.
    pub docker_config: Option<PathBuf>,
    /// Registries (`host[:port]`) to ask without TLS.
    pub insecure_registries: Vec<String>,
}

/// The outside world, shared by all policies. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    registries: Registries,
    cluster_cache: Cache<Arc<[u8]>>,
    world_cache: Cache<Arc<[u8]>>,
    outbound: Semaphore,
}

/// A call that was made and failed.
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
    #[error("only recorded sessions hold such a request")]
    OnlyRecorded,
    #[error("cannot write the answer")]
    Json(#[from] serde_json::Error),
}

impl Services {
    /// Prepares; connects to nothing.
    pub fn new(options: ServiceOptions) -> Self {
        let cache = |ttl| Cache::new(ttl, CACHE_BYTES_MAX, |bytes: &Arc<[u8]>| bytes.len());
        Self(Arc::new(Shared {
            cluster: Cluster::new(options.kubeconfig),
            registries: Registries::new(options.insecure_registries, options.docker_config),
            cluster_cache: cache(CLUSTER_TTL),
            world_cache: cache(WORLD_TTL),
            outbound: Semaphore::new(OUTBOUND_MAX),
        }))
    }

    /// The answer, from the outside or as it was a moment ago.
    ///
    /// # Errors
    /// [`Refused::Failed`].
    pub(crate) async fn perform(&self, request: &Request) -> Result<Vec<u8>, Refused> {
        self.0
            .perform(request)
            .await
            .map_err(|failure| Refused::Failed(chain(&failure)))
    }

    /// Keeps what `make` makes of the cluster for as long as what the cluster says itself.
    pub(crate) async fn keep(
        &self,
        key: Key,
        make: impl Future<Output = Result<Vec<u8>, Refused>>,
    ) -> Result<Vec<u8>, Refused> {
        let made = async { make.await.map(Arc::from) };
        let kept = self.0.cluster_cache.get_or_try(key, made).await?;
        Ok(kept.to_vec())
    }
}

impl Shared {
    async fn perform(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        match request {
            Request::KubernetesGetResource(asked) => {
                // Whole objects are kept, so that all masks see the same one.
                let whole = GetResource {
                    field_masks: None,
                    ..asked.clone()
                };
                let object = self.kept(&Request::KubernetesGetResource(whole)).await?;
                match &asked.field_masks {
                    Some(masks) if !masks.is_empty() => Ok(masked(&object, masks)?),
                    _ => Ok(object),
                }
            }
            Request::CryptoIsCertificateTrusted { request } => Ok(crypto::is_trusted(request)?),
            request => self.kept(request).await,
        }
    }

    async fn kept(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let Some(cache) = self.cache(request) else {
            return self.fetch(request).await;
        };
        let fetch = async { self.fetch(request).await.map(Arc::from) };
        Ok(cache.get_or_try(request.key(), fetch).await?.to_vec())
    }

    /// Where answers to such requests are kept, if they are.
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
            | Request::DnsLookupHost { .. } => Some(&self.world_cache),
            _ => None,
        }
    }

    async fn fetch(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        // Never closed, hence always a permit.
        let _permit = self.outbound.acquire().await;
        // Clients of HTTP make large futures; whoever waits for a kept answer should not carry one.
        Box::pin(self.ask(request)).await
    }

    async fn ask(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let (cluster, registries) = (&self.cluster, &self.registries);
        Ok(match request {
            Request::OciManifestDigest { image } => registries.manifest_digest(image).await?,
            Request::OciManifest { image } => registries.manifest(image).await?,
            Request::OciManifestAndConfig { image } => {
                registries.manifest_and_config(image).await?
            }
            Request::SigstorePubKeyVerify(asked) => {
                sigstore::verify_keys(registries, asked).await?
            }
            Request::SigstoreCertificateVerify(asked) => {
                sigstore::verify_certificate(registries, asked).await?
            }
            Request::SigstoreKeylessVerify(asked) => {
                return Err(sigstore::verify_keyless(asked.keyless.len()).into());
            }
            Request::SigstoreKeylessPrefixVerify(asked) => {
                return Err(sigstore::verify_keyless(asked.keyless_prefix.len()).into());
            }
            Request::SigstoreGithubActionsVerify(asked) => {
                return Err(sigstore::verify_github_actions(asked).into());
            }
            Request::DnsLookupHost { host } => net::lookup(host).await?,
            Request::KubernetesListResourceNamespace(asked) => {
                cluster.list_in_namespace(asked).await?
            }
            Request::KubernetesListResourceAll(asked) => cluster.list(asked).await?,
            Request::KubernetesGetResource(asked) => cluster.get(asked).await?,
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
