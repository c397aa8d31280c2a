//! Tests against a registry on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::*;
use crate::testing::{digest_of, response, serve};
use crate::{Capabilities, Grants, PolicyCapabilities, ServiceOptions, Services};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn expands_short_names_as_docker_does() {
    for (short, whole) in [
        ("busybox", "docker.io/library/busybox:latest"),
        ("me/app:1", "docker.io/me/app:1"),
        (
            "registry.example:5000/app",
            "registry.example:5000/app:latest",
        ),
    ] {
        assert_eq!(reference(short).unwrap().whole(), whole);
    }
    assert!(reference("Not A Reference").is_err());
}

#[tokio::test]
async fn caches_responses_of_a_registry() {
    let config = br#"{"architecture":"amd64","config":{"User":"1"}}"#;
    let descriptor = |media: &str, bytes: &[u8]| json!({"mediaType": media, "digest": digest_of(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config), "layers": [],
    });
    let bytes = manifest.to_string().into_bytes();
    let digest = digest_of(&bytes);
    let requests = Arc::new(AtomicUsize::new(0));
    let (count, served) = (Arc::clone(&requests), digest.clone());
    let blob = format!("/v2/app/blobs/{}", digest_of(config));
    let address = serve(move |request| {
        count.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path().to_owned();
        let (bytes, blob, served) = (bytes.clone(), blob.clone(), served.clone());
        async move {
            if path.starts_with("/v2/app/manifests/") {
                let mut response = response(200, MANIFEST, &bytes);
                response
                    .headers_mut()
                    .insert("docker-content-digest", served.parse().unwrap());
                response
            } else if path == blob {
                response(200, "application/json", config)
            } else {
                response(
                    if path == "/v2/" { 200 } else { 404 },
                    "application/json",
                    b"{}",
                )
            }
        }
    })
    .await;

    let services = Services::new(ServiceOptions {
        insecure_registries: vec![address.to_string()],
        ..ServiceOptions::default()
    });
    let grants = Grants::new(["oci/*"], []).unwrap();
    let capabilities = Capabilities::live(services);
    let call = PolicyCapabilities::new("policy", capabilities, Arc::new(grants)).begin_call();
    let payload = format!("\"{address}/app:1\"");
    let respond = async |operation| {
        let response = call.respond("kubewarden", "oci", operation, payload.as_bytes());
        serde_json::from_slice::<Value>(&response.await.unwrap()).unwrap()
    };
    assert_eq!(
        respond("v1/manifest_digest").await,
        json!({ "digest": digest })
    );
    assert_eq!(
        respond("v1/oci_manifest").await["config"],
        manifest["config"]
    );
    let whole = respond("v1/oci_manifest_config").await;
    assert_eq!(whole["digest"], digest);
    assert_eq!(whole["manifest"]["schemaVersion"], 2);
    assert_eq!(whole["config"]["config"]["User"], "1");

    let before = requests.load(Ordering::SeqCst);
    respond("v1/manifest_digest").await;
    respond("v1/oci_manifest").await;
    respond("v1/oci_manifest_config").await;
    assert_eq!(requests.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn reads_credentials_from_the_docker_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    // me:secret
    std::fs::write(&path, r#"{"auths":{"registry.example":{"auth":"bWU6c2VjcmV0"},"https://index.docker.io/v1/":{"auth":"bWU6c2VjcmV0"}}}"#).unwrap();
    let registries = Registries::new(Vec::new(), Some(path));
    for (image, basic) in [
        ("registry.example/a", true),
        ("busybox", true),
        ("other.example/a", false),
    ] {
        let auth = registries.auth(&reference(image).unwrap()).await.unwrap();
        assert_eq!(
            matches!(auth, RegistryAuth::Basic(_, _)),
            basic,
            "{image} {auth:?}"
        );
    }
    let registries = Registries::new(Vec::new(), Some("/nonexistent/config.json".into()));
    assert!(
        registries
            .auth(&reference("busybox").unwrap())
            .await
            .is_err()
    );
}
