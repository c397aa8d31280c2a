//! Discovery: the plural name and scope of a kind, cached.

use std::time::Duration;

use kube::Client;
use sha2::{Digest, Sha256};

use super::failure::KubernetesFailure;
use crate::cache::Cache;

/// The lifetime of a cached kind. A kind changes only when its CustomResourceDefinition is
/// replaced.
const KINDS_TTL: Duration = Duration::from_secs(300);
/// Bytes of the cache.
const MAX_KINDS_WEIGHT: usize = 1 << 20;

/// A kind that the API server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    /// The path of the API version: `/api/v1`, `/apis/apps/v1`.
    pub(super) root: String,
    /// The plural name: `deployments`.
    pub(super) plural: String,
    pub(super) namespaced: bool,
}

pub(super) struct Kinds(Cache<Kind>);

impl Kinds {
    pub(super) fn new() -> Self {
        let weigh = |kind: &Kind| kind.root.len() + kind.plural.len();
        Self(Cache::new(KINDS_TTL, MAX_KINDS_WEIGHT, weigh))
    }

    pub(super) async fn find(
        &self,
        client: &Client,
        api_version: &str,
        kind: &str,
    ) -> Result<Kind, KubernetesFailure> {
        let key = Sha256::digest(format!("{api_version:?}{kind:?}")).into();
        self.0
            .get_or_try(key, discover(client, api_version, kind))
            .await
    }
}

async fn discover(
    client: &Client,
    api_version: &str,
    kind: &str,
) -> Result<Kind, KubernetesFailure> {
    let (root, served) = match api_version.split_once('/') {
        None if api_version == "v1" => (
            "/api/v1".to_owned(),
            client.list_core_api_resources("v1").await?,
        ),
        Some((group, version)) if is_label(group) && is_label(version) => (
            format!("/apis/{api_version}"),
            client.list_api_group_resources(api_version).await?,
        ),
        _ => return Err(KubernetesFailure::ApiVersion(api_version.to_owned())),
    };
    let found = served
        .resources
        .into_iter()
        // Discovery includes subresources (`namespaces/finalize`), some with the kind of their
        // object.
        .find(|resource| resource.kind == kind && !resource.name.contains('/'))
        .ok_or_else(|| KubernetesFailure::UnknownKind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })?;
    Ok(Kind {
        root,
        plural: found.name,
        namespaced: found.namespaced,
    })
}

/// Returns whether the text consists of letters, digits, `-` and `.`, and so cannot change the
/// path.
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    text.bytes().all(plain) && text.bytes().any(|byte| byte != b'.')
}
