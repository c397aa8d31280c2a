//! Registries: digests, manifests and configurations of images.

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

/// How long a registry may take to accept a connection; what follows is bounded by the policy's deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Configurations of images and signed payloads are small; what is larger is something else.
const BLOB_BYTES_MAX: usize = 4 << 20;
/// Docker Hub's host in references, and its name in Docker's config.json.
const DOCKER_HUB: (&str, &str) = ("index.docker.io", "https://index.docker.io/v1/");

/// All registries: a reference names the one it belongs to.
pub(crate) struct Registries {
    insecure: Vec<String>,
    docker_config: Option<PathBuf>,
    client: OnceCell<Client>,
}

/// Why a registry gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryFailure {
    #[error("`{image}` is not a reference of an image")]
    Reference { image: String, source: ParseError },
    #[error("cannot make a client for registries")]
    Client(#[source] OciDistributionError),
    #[error("cannot read the registry credentials")]
    Credentials(#[source] CredentialRetrievalError),
    #[error("cannot open the file of registry credentials")]
    CredentialsFile(#[source] std::io::Error),
    #[error("asking the registry failed")]
    Registry(#[from] OciDistributionError),
    #[error("cannot read a blob")]
    Blob(#[source] std::io::Error),
    #[error("a blob is larger than {BLOB_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the configuration of the image is not JSON")]
    Json(#[from] serde_json::Error),
}

impl Registries {
    /// `insecure` lists hosts (`host[:port]`) that are asked without TLS; `docker_config` is a Docker config.json.
    pub(crate) fn new(insecure: Vec<String>, docker_config: Option<PathBuf>) -> Self {
        Self {
            insecure,
            docker_config,
            client: OnceCell::new(),
        }
    }

    /// `{"digest": "sha256:…"}`.
    pub(crate) async fn manifest_digest(&self, image: &str) -> Result<Vec<u8>, RegistryFailure> {
        let digest = self.digest(&reference(image)?).await?;
        Ok(json!({ "digest": digest }).to_string().into_bytes())
    }

    /// The manifest, or the index, as the registry has it.
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

    /// `{"manifest", "digest", "config"}`; of an index, the image for this machine's platform.
    pub(crate) async fn manifest_and_config(
        &self,
        image: &str,
    ) -> Result<Vec<u8>, RegistryFailure> {
        #[derive(Serialize)]
        struct Answer<'a> {
            manifest: &'a OciImageManifest,
            digest: &'a str,
            config: &'a RawValue,
        }
        let reference = reference(image)?;
        let (manifest, digest) = self.image_manifest(&reference).await?;
        let config = self.blob(&reference, &manifest.config).await?;
        Ok(serde_json::to_vec(&Answer {
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

    /// A blob, whole and of the digest that its descriptor tells.
    pub(crate) async fn blob(
        &self,
        reference: &Reference,
        descriptor: &OciDescriptor,
    ) -> Result<Vec<u8>, RegistryFailure> {
        let client = self.client().await?;
        let mut stream = client.pull_blob_stream(reference, descriptor).await?;
        let mut blob = Vec::new();
        while let Some(bytes) = stream.try_next().await.map_err(RegistryFailure::Blob)? {
            if blob.len().saturating_add(bytes.len()) > BLOB_BYTES_MAX {
                return Err(RegistryFailure::TooLarge);
            }
            blob.extend_from_slice(&bytes);
        }
        Ok(blob)
    }

    async fn client(&self) -> Result<&Client, RegistryFailure> {
        self.client
            .get_or_try_init(|| async {
                // The client takes the provider of the process; one that is there already stays.
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
            let ask = |server: &str| {
                let file = File::open(&path).map_err(RegistryFailure::CredentialsFile)?;
                Ok(get_credential_from_reader(BufReader::new(file), server))
            };
            match ask(&registry)? {
                Err(CredentialRetrievalError::NoCredentialConfigured)
                    if registry == DOCKER_HUB.0 =>
                {
                    ask(DOCKER_HUB.1)
                }
                found => Ok(found),
            }
        })
        .await;
        match found {
            Ok(Ok(Ok(DockerCredential::UsernamePassword(user, password)))) => {
                Ok(RegistryAuth::Basic(user, password))
            }
            // Identity tokens are for other flows than this one.
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

/// Reads a reference; short names mean Docker Hub: `busybox` is `docker.io/library/busybox:latest`.
pub(crate) fn reference(image: &str) -> Result<Reference, RegistryFailure> {
    image.parse().map_err(|source| RegistryFailure::Reference {
        image: image.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
