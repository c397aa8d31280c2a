//! Tests with images signed on the spot, in a registry on loopback.

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SigningKey as _,
};

use super::*;
use crate::testing::{digest_of, response, serve};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Starts a registry with one image that `key` signed as cosign does. `signed_digest` computes the
/// digest in the payload from the image's. Returns the image reference and the image's digest too.
async fn signed_image(
    key: &KeyPair,
    signed_digest: impl Fn(&str) -> String,
) -> (Registries, String, String) {
    let image = br#"{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:0","size":0},"layers":[]}"#;
    let digest = digest_of(image);
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "r"},
            "image": {"docker-manifest-digest": signed_digest(&digest)},
            "type": "cosign container image signature",
        },
        "optional": {"env": "prod", "n": 1},
    });
    let payload = payload.to_string().into_bytes();
    let signature = base64::engine::general_purpose::STANDARD.encode(key.sign(&payload).unwrap());
    let signatures = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "a", "digest": digest_of(b"{}"), "size": 2},
        "layers": [{
            "mediaType": PAYLOAD_MEDIA_TYPE, "digest": digest_of(&payload), "size": payload.len(),
            "annotations": {SIGNATURE_ANNOTATION: signature},
        }],
    });
    let tag = digest.replace(':', "-") + ".sig";
    let (served, blob) = (digest.clone(), digest_of(&payload));
    let address = serve(move |request| {
        let path = request.uri().path().to_owned();
        let manifest = |bytes: &[u8]| {
            let mut response = response(200, MANIFEST, bytes);
            let digest = digest_of(bytes).parse().unwrap();
            response
                .headers_mut()
                .insert("docker-content-digest", digest);
            response
        };
        let response = match path.rsplit('/').next().unwrap() {
            "1" => manifest(image),
            last if last == tag => manifest(signatures.to_string().as_bytes()),
            last if last == blob => response(200, "application/octet-stream", &payload),
            _ => response(404, "application/json", b"{}"),
        };
        async { response }
    })
    .await;
    let registries = Registries::new(vec![address.to_string()], None);
    (registries, format!("{address}/app:1"), served)
}

fn by_keys(image: &str, keys: &[&KeyPair], annotations: &[(&str, &str)]) -> PubKeyVerify {
    PubKeyVerify {
        image: image.to_owned(),
        pub_keys: keys.iter().map(|key| key.public_key_pem()).collect(),
        annotations: (!annotations.is_empty()).then(|| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            annotations.iter().map(owned).collect()
        }),
    }
}

#[tokio::test]
async fn trusts_an_image_signed_by_all_keys() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let other = KeyPair::generate().unwrap();
        let (registries, image, digest) = signed_image(&key, str::to_owned).await;
        for (keys, annotations, trusted) in [
            (&[&key][..], &[][..], true),
            (&[&key], &[("env", "prod"), ("n", "1")], true),
            (&[&key], &[("env", "test")], false),
            (&[&key], &[("missing", "")], false),
            (&[&other], &[], false),
            (&[&key, &other], &[], false),
        ] {
            let result = verify_keys(&registries, &by_keys(&image, keys, annotations)).await;
            assert_eq!(result.is_ok(), trusted, "{result:?}");
            if let Ok(response) = result {
                let response: Value = serde_json::from_slice(&response).unwrap();
                assert_eq!(response, json!({"is_trusted": true, "digest": digest}));
            }
        }
    }
}

#[tokio::test]
async fn does_not_trust_a_signature_of_another_image() {
    let key = KeyPair::generate().unwrap();
    let (registries, image, _) = signed_image(&key, |_| digest_of(b"another")).await;
    let result = verify_keys(&registries, &by_keys(&image, &[&key], &[])).await;
    assert!(
        matches!(result, Err(SignatureFailure::NotSigned { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn rejects_missing_and_invalid_keys() {
    let registries = Registries::new(Vec::new(), None);
    let mut verify = by_keys("busybox", &[], &[]);
    let result = verify_keys(&registries, &verify).await.unwrap_err();
    assert_eq!(result.to_string(), "Must provide at least one pub key");
    for pem in [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
    ] {
        verify.pub_keys = vec![pem.to_owned()];
        assert!(verify_keys(&registries, &verify).await.is_err(), "{pem}");
    }
}

#[tokio::test]
async fn trusts_an_image_signed_by_a_trusted_certificate() {
    let mut parameters = CertificateParams::new([]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = |purpose: ExtendedKeyUsagePurpose| {
        let mut parameters = CertificateParams::new(["signer.example".to_owned()]).unwrap();
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![purpose];
        parameters
            .signed_by(&key, &root)
            .unwrap()
            .pem()
            .into_bytes()
    };
    let good = certificate(ExtendedKeyUsagePurpose::CodeSigning);
    let server = certificate(ExtendedKeyUsagePurpose::ServerAuth);
    let (registries, image, _) = signed_image(&key, str::to_owned).await;
    let chain = Some(vec![root.pem().into_bytes()]);
    for (certificate, chain, rekor, trusted) in [
        (&good, chain.clone(), false, true),
        (&good, None, false, true),
        (&good, Some(vec![good.clone()]), false, false),
        (&good, Some(Vec::new()), false, false),
        (&good, chain.clone(), true, false),
        (&server, chain, false, false),
    ] {
        let verify = CertificateVerify {
            image: image.clone(),
            certificate: certificate.clone(),
            certificate_chain: chain,
            require_rekor_bundle: rekor,
            annotations: None,
        };
        let result = verify_certificate(&registries, &verify).await;
        assert_eq!(result.is_ok(), trusted, "{result:?}");
    }
}

#[test]
fn rejects_keyless_verification() {
    assert_eq!(keyless_failure(0).to_string(), "Must provide keyless info");
    assert!(
        keyless_failure(1)
            .to_string()
            .starts_with("this host cannot verify keyless")
    );
}
