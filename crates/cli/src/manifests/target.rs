//! Where kube-apiserver finds the webhook server, and how the two know each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The URL under which kube-apiserver reaches the webhook server, such as `https://127.0.0.1:8443`.
///
/// Kubernetes takes `https` only, and no user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    authority: String,
    path: String,
}

impl ServerUrl {
    /// The URL of an endpoint; `path` begins with a slash.
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

const HTTPS_PORT: u16 = 443;

impl FromStr for ServerUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").ok_or_else(|| {
            anyhow!("must begin with `https://`: kube-apiserver calls webhooks over TLS only")
        })?;
        if let Some(letter) = rest
            .chars()
            .find(|letter| "?#@".contains(*letter) || letter.is_whitespace())
        {
            bail!(
                "has a `{letter}`: Kubernetes takes no user, query or fragment in the URL of a webhook"
            );
        }
        let (authority, path) = rest
            .find('/')
            .map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.is_empty() || authority.starts_with(':') {
            bail!("names no host");
        }
        Ok(Self {
            authority: authority.to_owned(),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

/// The Service under which kube-apiserver reaches the webhook server, written `NAMESPACE/NAME[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) port: u16,
}

impl Service {
    /// The name that the server's certificate must be for, and the port.
    fn host_port(&self) -> String {
        format!("{}.{}.svc:{}", self.name, self.namespace, self.port)
    }
}

impl FromStr for Service {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, rest) = text
            .split_once('/')
            .ok_or_else(|| anyhow!("is not of the form `NAMESPACE/NAME[:PORT]`"))?;
        let (name, port) = match rest.split_once(':') {
            Some((name, port)) => (
                name,
                port.parse()
                    .with_context(|| format!("`{port}` is no port"))?,
            ),
            None => (rest, HTTPS_PORT),
        };
        for part in [namespace, name] {
            if !is_dns_label(part) {
                bail!(
                    "`{part}` is no name of Kubernetes: lower-case letters, digits and `-`, at most 63"
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
    (1..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The certificates that kube-apiserver trusts the webhook server by, as base64 of their PEM.
#[derive(Debug, Clone)]
pub(crate) struct CaBundle(pub(super) String);

impl CaBundle {
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let pem = fs::read_to_string(file)
            .with_context(|| format!("failed to read `{}`", file.display()))?;
        if pem.contains("PRIVATE KEY-----") {
            bail!(
                "`{}` has a private key in it, which must not get into manifests",
                file.display()
            );
        }
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            bail!(
                "`{}` has no certificate in it (`-----BEGIN CERTIFICATE-----`)",
                file.display()
            );
        }
        Ok(Self(STANDARD.encode(pem)))
    }
}

/// The files by which kube-apiserver proves who it is. They are named in the manifests, never read.
#[derive(Debug, Clone)]
pub(crate) struct ClientCertificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Under what kube-apiserver reaches the admission webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    Url(ServerUrl),
    Service(Service),
}

impl Reach {
    /// Host and port, as kube-apiserver looks its credentials up.
    pub(super) fn host_port(&self) -> String {
        match self {
            Self::Url(server) => server.host_port(),
            Self::Service(service) => service.host_port(),
        }
    }
}

/// Everything that is not in the configuration and that the manifests need.
#[derive(Debug)]
pub(crate) struct Target {
    /// For authentication and authorization, for which kube-apiserver finds no Services.
    pub(super) server: Option<ServerUrl>,
    pub(super) admission: Reach,
    pub(super) ca: CaBundle,
    pub(super) client: Option<ClientCertificate>,
    /// The directory in which kube-apiserver finds the files.
    pub(super) installed_in: PathBuf,
}

impl Target {
    /// The path of one of the files, as kube-apiserver sees it.
    pub(super) fn installed(&self, file: &str) -> String {
        self.installed_in.join(file).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_the_server_and_an_endpoint() {
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
    fn refuses_urls_that_kubernetes_refuses() {
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
    fn reads_services_with_and_without_port() {
        let service: Service = "k8s-wasm/webhook:8443".parse().unwrap();
        assert_eq!(service.host_port(), "webhook.k8s-wasm.svc:8443");
        assert_eq!("a/b".parse::<Service>().unwrap().port, 443);
        for text in ["webhook", "a/b:c", "A/b", "a/", "a/b_c", "-a/b"] {
            assert!(text.parse::<Service>().is_err(), "{text}");
        }
    }
}
