//! Image registries: digests, manifests and configurations of images.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use futures_util::TryStreamExt;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{OciDescriptor, OciImageManifest, OciManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{ParseError, Reference};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

/// The timeout for connecting to a registry. Requests are bounded by the policy's deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a blob. Image configurations and signed payloads are much smaller.
const MAX_BLOB_BYTES: usize = 4 << 20;
/// Docker Hub's host in image references, and its name in Docker's `config.json`.
const DOCKER_HUB: (&str, &str) = ("index.docker.io", "https://index.docker.io/v1/");

/// A client for all registries. Each image reference names its registry.
pub(crate) struct Registries {
    insecure: Vec<String>,
    docker_config: Option<PathBuf>,
    client: OnceCell<Client>,
}

/// A failed request to a registry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryFailure {
    #[error("`{image}` is not a valid image reference")]
    Reference { image: String, source: ParseError },
    #[error("cannot create a client for registries")]
    Client(#[source] OciDistributionError),
    #[error("cannot read the registry credentials")]
    Credentials(#[source] CredentialRetrievalError),
    #[error("cannot open the file with the registry credentials")]
    CredentialsFile(#[source] std::io::Error),
    #[error("the request to the registry failed")]
    Registry(#[from] OciDistributionError),
    #[error("cannot read a blob")]
    Blob(#[source] std::io::Error),
    #[error("a blob is larger than {MAX_BLOB_BYTES} bytes")]
    TooLarge,
    #[error("the configuration of the image is not valid JSON")]
    Json(#[from] serde_json::Error),
}

impl Registries {
    /// Creates a client. `insecure` lists the hosts (`host[:port]`) that are accessed without TLS;
    /// `docker_config` is the path of a Docker `config.json`.
    pub(crate) fn new(insecure: Vec<String>, docker_config: Option<PathBuf>) -> Self {
        Self {
            insecure,
            docker_config,
            client: OnceCell::new(),
        }
    }

    /// Returns `{"digest": "sha256:…"}`.
    pub(crate) async fn manifest_digest(&self, image: &str) -> Result<Vec<u8>, RegistryFailure> {
        let digest = self.digest(&reference(image)?).await?;
        Ok(json!({ "digest": digest }).to_string().into_bytes())
    }

    /// Returns the manifest, or the index, as stored in the registry.
    pub(crate) async fn manifest(&self, image: &str) -> Result<Vec<u8>, RegistryFailure> {
        let reference = reference(image)?;
        let auth = self.auth(&reference).await?;
        let (manifest, _): (OciManifest, _) = self
            .client()
            .await?
            .pull_manifest(&reference, &auth)
            .await?;
        Ok(serde_json::to_vec(&manifest)?)
    }

    /// Returns `{"manifest", "digest", "config"}`. For an index, selects the image for the platform
    /// of this process.
    pub(crate) async fn manifest_and_config(
        &self,
        image: &str,
    ) -> Result<Vec<u8>, RegistryFailure> {
        #[derive(Serialize)]
        struct ManifestAndConfig<'a> {
            manifest: &'a OciImageManifest,
            digest: &'a str,
            config: &'a RawValue,
        }
        let reference = reference(image)?;
        let (manifest, digest) = self.image_manifest(&reference).await?;
        let config = self.blob(&reference, &manifest.config).await?;
        Ok(serde_json::to_vec(&ManifestAndConfig {
            manifest: &manifest,
            digest: &digest,
            config: serde_json::from_slice(&config)?,
        })?)
    }

    pub(crate) async fn digest(&self, reference: &Reference) -> Result<String, RegistryFailure> {
        let auth = self.auth(reference).await?;
        let client = self.client().await?;
        Ok(client.fetch_manifest_digest(reference, &auth).await?)
    }

    pub(crate) async fn image_manifest(
        &self,
        reference: &Reference,
    ) -> Result<(OciImageManifest, String), RegistryFailure> {
        let auth = self.auth(reference).await?;
        let client = self.client().await?;
        Ok(client.pull_image_manifest(reference, &auth).await?)
    }

    /// Returns a complete blob. The client verifies it against the digest of its descriptor.
    pub(crate) async fn blob(
        &self,
        reference: &Reference,
        descriptor: &OciDescriptor,
    ) -> Result<Vec<u8>, RegistryFailure> {
        let client = self.client().await?;
        let mut stream = client.pull_blob_stream(reference, descriptor).await?;
        let mut blob = Vec::new();
        while let Some(bytes) = stream.try_next().await.map_err(RegistryFailure::Blob)? {
            if blob.len().saturating_add(bytes.len()) > MAX_BLOB_BYTES {
                return Err(RegistryFailure::TooLarge);
            }
            blob.extend_from_slice(&bytes);
        }
        Ok(blob)
    }

    async fn client(&self) -> Result<&Client, RegistryFailure> {
        self.client
            .get_or_try_init(|| async {
                // The client uses the TLS provider of the process. One that is already installed
                // is kept.
                let _ = rustls::crypto::ring::default_provider().install_default();
                Client::try_from(ClientConfig {
                    protocol: ClientProtocol::HttpsExcept(self.insecure.clone()),
                    connect_timeout: Some(CONNECT_TIMEOUT),
                    user_agent: "k8s-wasm",
                    ..ClientConfig::default()
                })
                .map_err(RegistryFailure::Client)
            })
            .await
    }

    async fn auth(&self, reference: &Reference) -> Result<RegistryAuth, RegistryFailure> {
        let Some(path) = self.docker_config.clone() else {
            return Ok(RegistryAuth::Anonymous);
        };
        let registry = reference.resolve_registry().to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let find = |server: &str| {
                let file = File::open(&path).map_err(RegistryFailure::CredentialsFile)?;
                Ok(get_credential_from_reader(BufReader::new(file), server))
            };
            match find(&registry)? {
                Err(CredentialRetrievalError::NoCredentialConfigured)
                    if registry == DOCKER_HUB.0 =>
                {
                    find(DOCKER_HUB.1)
                }
                found => Ok(found),
            }
        })
        .await;
        match found {
            Ok(Ok(Ok(DockerCredential::UsernamePassword(user, password)))) => {
                Ok(RegistryAuth::Basic(user, password))
            }
            // Identity tokens are not supported by this authentication flow.
            Ok(Ok(
                Ok(DockerCredential::IdentityToken(_))
                | Err(CredentialRetrievalError::NoCredentialConfigured),
            )) => Ok(RegistryAuth::Anonymous),
            Ok(Ok(Err(error))) => Err(RegistryFailure::Credentials(error)),
            Ok(Err(failure)) => Err(failure),
            Err(cancelled) => Err(RegistryFailure::CredentialsFile(cancelled.into())),
        }
    }
}

/// Parses an image reference. Short names refer to Docker Hub: `busybox` is
/// `docker.io/library/busybox:latest`.
pub(crate) fn reference(image: &str) -> Result<Reference, RegistryFailure> {
    image.parse().map_err(|source| RegistryFailure::Reference {
        image: image.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
