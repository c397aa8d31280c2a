//! Responses of registries and payloads of host calls: manifests, configurations, signatures, signed
//! payloads, certificates, and the payloads of all host calls. The first byte of an input selects one
//! of them, the rest is its content.
#![no_main]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capabilities::{
    Capabilities, Grants, KubernetesResource, PolicyCapabilities, ServiceOptions, Services,
};
use fuzz::registry::{MANIFEST, Registry, Served};
use libfuzzer_sys::fuzz_target;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

fuzz_target!(init: { LazyLock::force(&WORLD); }, |input: &[u8]| {
    let Some((selector, bytes)) = input.split_first() else {
        return;
    };
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            match selector % 6 {
                0 => WORLD.manifest(bytes).await,
                1 => WORLD.configuration(bytes).await,
                2 => WORLD.signatures(bytes).await,
                3 => WORLD.signed(bytes).await,
                4 => WORLD.certificate(bytes).await,
                _ => payload(bytes).await,
            }
        });
    });
});

thread_local! {
    static RUNTIME: Runtime = fuzz::runtime();
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// A registry, a policy with all grants, and a key that signs images.
struct World {
    registry: Registry,
    capabilities: PolicyCapabilities,
    key: KeyPair,
    /// Number of the next image. Each input has its own image, because responses are cached.
    image: AtomicU64,
}

const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

impl World {
    fn new() -> Self {
        let registry = Registry::start();
        let services = Services::new(ServiceOptions {
            insecure_registries: vec![registry.address.to_string()],
            ..ServiceOptions::default()
        });
        Self {
            registry,
            capabilities: PolicyCapabilities::new(
                "policy",
                Capabilities::live(services),
                Arc::new(
                    Grants::new(["oci/*", "crypto/*"], []).expect("the capabilities are known"),
                ),
            ),
            key: KeyPair::generate_for(&PKCS_ED25519).expect("a key can be generated"),
            image: AtomicU64::new(0),
        }
    }

    fn image(&self) -> String {
        let number = self.image.fetch_add(1, Ordering::Relaxed);
        format!("{}/image{number}:1", self.registry.address)
    }

    async fn call(&self, namespace: &str, operation: &str, payload: &Value) -> Option<Value> {
        let payload = payload.to_string();
        let call = self.capabilities.begin_call();
        match call
            .respond("kubewarden", namespace, operation, payload.as_bytes())
            .await
        {
            Ok(response) => Some(serde_json::from_slice(&response).expect("the response is JSON")),
            Err(error) => {
                assert!(error.to_string().len() < 1 << 20);
                None
            }
        }
    }

    async fn manifest(&self, manifest: &[u8]) {
        self.registry.serve(Served {
            manifest: manifest.to_vec(),
            ..Served::default()
        });
        let image = json!(self.image());
        for operation in [
            "v1/manifest_digest",
            "v1/oci_manifest",
            "v1/oci_manifest_config",
        ] {
            self.call("oci", operation, &image).await;
        }
    }

    async fn configuration(&self, configuration: &[u8]) {
        let mut served = Served::default();
        let digest = served.add(configuration);
        served.manifest = manifest(&digest, configuration.len(), &json!([]));
        self.registry.serve(served);
        let image = json!(self.image());
        let response = self.call("oci", "v1/oci_manifest_config", &image).await;
        if let Some(response) = response {
            let read: Value =
                serde_json::from_slice(configuration).expect("the text was parsed before");
            assert_eq!(response["config"], read);
        }
    }

    async fn signatures(&self, signatures: &[u8]) {
        let mut served = Served::default();
        served.manifest = manifest(&served.add(b"{}"), 2, &json!([]));
        served.signatures = signatures.to_vec();
        self.registry.serve(served);
        assert_eq!(self.verify().await, None, "no key has signed the image");
    }

    /// Verifies a signed payload, which is valid only if the payload names the image.
    async fn signed(&self, payload: &[u8]) {
        let mut served = Served::default();
        served.manifest = manifest(&served.add(b"{}"), 2, &json!([]));
        let digest = fuzz::registry::sha256_digest(&served.manifest);
        let payload = String::from_utf8_lossy(payload).replace("DIGEST", &digest);
        let signature = self.key.sign(payload.as_bytes()).expect("the key can sign");
        let layer = json!([{
            "mediaType": PAYLOAD, "digest": served.add(payload.as_bytes()), "size": payload.len(),
            "annotations": {"dev.cosignproject.cosign/signature": STANDARD.encode(signature)},
        }]);
        served.signatures = manifest(&served.add(b"{}"), 2, &layer);
        self.registry.serve(served);
        if self.verify().await.is_some() {
            let payload: Value =
                serde_json::from_str(&payload).expect("the text was parsed before");
            assert_eq!(
                payload["critical"]["image"]["docker-manifest-digest"],
                digest
            );
            assert_eq!(payload["optional"]["env"], "prod");
        }
    }

    async fn verify(&self) -> Option<Value> {
        let payload = json!({
            "type": "SigstorePubKeyVerify", "image": self.image(),
            "pub_keys": [self.key.public_key_pem()], "annotations": {"env": "prod"},
        });
        self.call("oci", "v2/verify", &payload).await
    }

    async fn certificate(&self, certificate: &[u8]) {
        for encoding in ["Pem", "Der"] {
            let certificate = json!({"encoding": encoding, "data": certificate});
            for chain in [json!(null), json!([]), json!([certificate])] {
                let payload = json!({"cert": certificate, "cert_chain": chain, "not_after": null});
                self.call("crypto", "v1/is_certificate_trusted", &payload)
                    .await;
            }
        }
        let payload = json!({
            "type": "SigstoreCertificateVerify", "image": self.image(), "certificate": certificate,
            "certificate_chain": [certificate], "require_rekor_bundle": false, "annotations": null,
        });
        self.call("oci", "v2/verify", &payload).await;
    }
}

fn manifest(digest: &str, size: usize, layers: &Value) -> Vec<u8> {
    let config = json!({"mediaType": "application/json", "digest": digest, "size": size});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
    });
    manifest.to_string().into_bytes()
}

const CALLS: [(&str, &str); 12] = [
    ("tracing", "log"),
    ("oci", "v1/verify"),
    ("oci", "v2/verify"),
    ("oci", "v1/manifest_digest"),
    ("oci", "v1/oci_manifest"),
    ("oci", "v1/oci_manifest_config"),
    ("net", "v1/dns_lookup_host"),
    ("crypto", "v1/is_certificate_trusted"),
    ("kubernetes", "list_resources_by_namespace"),
    ("kubernetes", "list_resources_all"),
    ("kubernetes", "get_resource"),
    ("kubernetes", "can_i"),
];

/// Passes the payload to every host call, without services that respond.
async fn payload(payload: &[u8]) {
    let pods = KubernetesResource {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
    };
    let grants = Grants::new(["*"], [pods]).expect("the capabilities are known");
    let call =
        PolicyCapabilities::new("policy", Capabilities::none(), Arc::new(grants)).begin_call();
    for (namespace, operation) in CALLS {
        let result = call
            .respond("kubewarden", namespace, operation, payload)
            .await;
        assert_eq!(result.is_ok(), namespace == "tracing");
    }
}
