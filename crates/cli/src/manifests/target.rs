//! The address of the server for kube-apiserver, and the certificates of both.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const HTTPS_PORT: u16 = 443;

/// Upper bound of the length of a DNS label (RFC 1123).
const MAX_DNS_LABEL: usize = 63;

/// The URL of the server for kube-apiserver, such as `https://127.0.0.1:8443`.
///
/// Kubernetes accepts `https` only, and no user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    authority: String,
    path: String,
}

impl ServerUrl {
    /// Returns the URL of an endpoint. `path` begins with a slash.
    pub(super) fn endpoint(&self, path: &str) -> String {
        format!("https://{}{}{path}", self.authority, self.path)
    }

    fn host_port(&self) -> String {
        let after_host = self.authority.rsplit(']').next().unwrap_or_default();
        if after_host.contains(':') {
            self.authority.clone()
        } else {
            format!("{}:{HTTPS_PORT}", self.authority)
        }
    }
}

impl FromStr for ServerUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").ok_or_else(|| {
            anyhow!("the URL must begin with `https://`, because kube-apiserver calls webhooks over TLS only")
        })?;
        let is_forbidden =
            |character: &char| "?#@".contains(*character) || character.is_whitespace();
        if let Some(character) = rest.chars().find(is_forbidden) {
            bail!(
                "the URL contains `{character}`; webhook URLs must not have a user, query or fragment"
            );
        }
        let (authority, path) = rest
            .find('/')
            .map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.is_empty() || authority.starts_with(':') {
            bail!("the URL has no host");
        }
        Ok(Self {
            authority: authority.to_owned(),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

/// The Service of the server, written as `NAMESPACE/NAME[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) port: u16,
}

impl Service {
    /// Returns the name for which the server certificate must be valid, and the port.
    fn host_port(&self) -> String {
        format!("{}.{}.svc:{}", self.name, self.namespace, self.port)
    }
}

impl FromStr for Service {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, rest) = text
            .split_once('/')
            .ok_or_else(|| anyhow!("expected `NAMESPACE/NAME[:PORT]`"))?;
        let (name, port) = match rest.split_once(':') {
            Some((name, port)) => (
                name,
                port.parse()
                    .with_context(|| format!("invalid port `{port}`"))?,
            ),
            None => (rest, HTTPS_PORT),
        };
        for part in [namespace, name] {
            if !is_dns_label(part) {
                bail!(
                    "invalid name `{part}`: expected at most 63 lower-case letters, digits and `-`"
                );
            }
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port,
        })
    }
}

fn is_dns_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_DNS_LABEL).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The CA certificates with which kube-apiserver verifies the server, as base64 of their PEM.
#[derive(Debug, Clone)]
pub(crate) struct CaBundle(pub(super) String);

impl CaBundle {
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let pem = fs::read_to_string(file)
            .with_context(|| format!("failed to read `{}`", file.display()))?;
        if pem.contains("PRIVATE KEY-----") {
            bail!(
                "`{}` contains a private key, which must not be included in manifests",
                file.display()
            );
        }
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            bail!(
                "`{}` does not contain a certificate (`-----BEGIN CERTIFICATE-----`)",
                file.display()
            );
        }
        Ok(Self(STANDARD.encode(pem)))
    }
}

/// The client certificate of kube-apiserver. The manifests contain its path; it is not read.
#[derive(Debug, Clone)]
pub(crate) struct ClientCertificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The address of the admission webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    Url(ServerUrl),
    Service(Service),
}

impl Reach {
    /// Returns host and port, under which kube-apiserver looks up its credentials.
    pub(super) fn host_port(&self) -> String {
        match self {
            Self::Url(server) => server.host_port(),
            Self::Service(service) => service.host_port(),
        }
    }
}

/// The input of the manifests that is not in the configuration.
#[derive(Debug)]
pub(crate) struct Target {
    /// The address for authentication and authorization, for which kube-apiserver does not resolve
    /// Services.
    pub(super) server: Option<ServerUrl>,
    pub(super) admission: Reach,
    pub(super) ca: CaBundle,
    pub(super) client: Option<ClientCertificate>,
    /// The directory of the files on the host of kube-apiserver.
    pub(super) install_dir: PathBuf,
}

impl Target {
    /// Returns the path of a file on the host of kube-apiserver.
    pub(super) fn install_path(&self, file: &str) -> String {
        self.install_dir.join(file).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_server_url_and_endpoint() {
        let url: ServerUrl = "https://127.0.0.1:8443/".parse().unwrap();
        assert_eq!(url.endpoint("/authn"), "https://127.0.0.1:8443/authn");
        let url: ServerUrl = "https://wasm.example.com/hooks".parse().unwrap();
        assert_eq!(
            url.endpoint("/authn"),
            "https://wasm.example.com/hooks/authn"
        );
        assert_eq!(url.host_port(), "wasm.example.com:443");
        assert_eq!(
            "https://[::1]".parse::<ServerUrl>().unwrap().host_port(),
            "[::1]:443"
        );
        assert_eq!(
            "https://[::1]:8443"
                .parse::<ServerUrl>()
                .unwrap()
                .host_port(),
            "[::1]:8443"
        );
    }

    #[test]
    fn rejects_urls_that_kubernetes_rejects() {
        for text in [
            "http://a",
            "a:8443",
            "https://",
            "https://:8443",
            "https://u@a",
            "https://a?b",
            "https://a#b",
        ] {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn parses_services_with_and_without_port() {
        let service: Service = "k8s-wasm/webhook:8443".parse().unwrap();
        assert_eq!(service.host_port(), "webhook.k8s-wasm.svc:8443");
        assert_eq!("a/b".parse::<Service>().unwrap().port, 443);
        for text in ["webhook", "a/b:c", "A/b", "a/", "a/b_c", "-a/b"] {
            assert!(text.parse::<Service>().is_err(), "{text}");
        }
    }
}
