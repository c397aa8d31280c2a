//! Tests with the payload of every operation.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sigstore::{KeylessIdentity, KeylessPrefix};

fn parse(namespace: &str, operation: &str, payload: &serde_json::Value) -> Request {
    Request::parse(namespace, operation, payload.to_string().as_bytes()).unwrap()
}

#[test]
fn parses_payloads_of_signature_verification() {
    let image = "busybox:1".to_owned();
    let keys = Request::SigstorePubKeyVerify(PubKeyVerify {
        image: image.clone(),
        pub_keys: vec!["k".to_owned()],
        annotations: None,
    });
    let fields = json!({"image": image, "pub_keys": ["k"]});
    assert_eq!(
        parse("oci", "v1/verify", &json!({"SigstorePubKeyVerify": fields})),
        keys
    );
    let fields = json!({"type": "SigstorePubKeyVerify", "image": image, "pub_keys": ["k"], "annotations": null});
    assert_eq!(parse("oci", "v2/verify", &fields), keys);

    let keyless = json!({"image": image, "keyless": [{"issuer": "i", "subject": "s"}], "annotations": {"a": "b"}});
    let expected = Request::SigstoreKeylessVerify(KeylessVerify {
        image: image.clone(),
        keyless: vec![KeylessIdentity {
            issuer: "i".to_owned(),
            subject: "s".to_owned(),
        }],
        annotations: Some([("a".to_owned(), "b".to_owned())].into()),
    });
    assert_eq!(
        parse(
            "oci",
            "v1/verify",
            &json!({"SigstoreKeylessVerify": keyless})
        ),
        expected
    );

    let prefix = json!({"type": "SigstoreKeylessPrefixVerify", "image": image, "keyless_prefix": [{"issuer": "i", "url_prefix": "u"}]});
    let expected = Request::SigstoreKeylessPrefixVerify(KeylessPrefixVerify {
        image: image.clone(),
        keyless_prefix: vec![KeylessPrefix {
            issuer: "i".to_owned(),
            url_prefix: "u".to_owned(),
        }],
        annotations: None,
    });
    assert_eq!(parse("oci", "v2/verify", &prefix), expected);

    let github = json!({"type": "SigstoreGithubActionsVerify", "image": image, "owner": "o"});
    assert!(matches!(
        parse("oci", "v2/verify", &github),
        Request::SigstoreGithubActionsVerify(GithubActionsVerify { repo: None, .. })
    ));
    let certificate = json!({"type": "SigstoreCertificateVerify", "image": image, "certificate": [1, 2],
        "certificate_chain": [[3]], "require_rekor_bundle": true});
    assert!(matches!(
        parse("oci", "v2/verify", &certificate),
        Request::SigstoreCertificateVerify(CertificateVerify {
            require_rekor_bundle: true,
            ..
        })
    ));
}

#[test]
fn parses_payloads_of_registries_names_and_certificates() {
    let image = "busybox:1".to_owned();
    for (operation, expected) in [
        (
            "v1/manifest_digest",
            Request::OciManifestDigest {
                image: image.clone(),
            },
        ),
        (
            "v1/oci_manifest",
            Request::OciManifest {
                image: image.clone(),
            },
        ),
        (
            "v1/oci_manifest_config",
            Request::OciManifestAndConfig {
                image: image.clone(),
            },
        ),
    ] {
        assert_eq!(parse("oci", operation, &json!(image)), expected);
    }
    let host = "example.org".to_owned();
    assert_eq!(
        parse("net", "v1/dns_lookup_host", &json!(host)),
        Request::DnsLookupHost { host }
    );
    let verification =
        json!({"cert": {"encoding": "Pem", "data": [45]}, "cert_chain": null, "not_after": null});
    assert!(matches!(
        parse("crypto", "v1/is_certificate_trusted", &verification),
        Request::CryptoIsCertificateTrusted { .. }
    ));
}

#[test]
fn parses_payloads_of_kubernetes() {
    let list = json!({"api_version": "v1", "kind": "Pod", "label_selector": "a=b", "field_masks": ["spec.nodeName"], "newer": 1});
    let Request::KubernetesListResourceAll(all) = parse("kubernetes", "list_resources_all", &list)
    else {
        panic!("not a list");
    };
    assert_eq!(all.label_selector.as_deref(), Some("a=b"));
    assert_eq!(all.field_masks.map(|masks| masks.len()), Some(1));

    let mut list = list;
    list["namespace"] = json!("shop");
    let one = parse("kubernetes", "list_resources_by_namespace", &list);
    assert_eq!(one.resource().unwrap().kind, "Pod");

    let get = json!({"api_version": "v1", "kind": "Pod", "name": "p", "namespace": "n", "disable_cache": true});
    assert!(matches!(
        parse("kubernetes", "get_resource", &get),
        Request::KubernetesGetResource(GetResource {
            disable_cache: true,
            field_masks: None,
            ..
        })
    ));
    let can_i = json!({"subject_access_review": {"user": "u", "resource_attributes": {"resource": "pods", "verb": "get"}},
        "disable_cache": false});
    assert!(matches!(
        parse("kubernetes", "can_i", &can_i),
        Request::KubernetesCanI {
            disable_cache: false,
            ..
        }
    ));
}

#[test]
fn distinguishes_unknown_names_from_invalid_payloads() {
    let error = |namespace, operation, payload: &str| {
        Request::parse(namespace, operation, payload.as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("oci", "v9/verify", ""),
        "unknown operation: v9/verify"
    );
    assert_eq!(error("kubernetes", "", ""), "unknown operation: ");
    assert_eq!(error("cache", "get", ""), "unknown namespace: cache");
    assert!(error("net", "v1/dns_lookup_host", "{}").starts_with("invalid type: map"));
    assert!(error("kubernetes", "get_resource", "{}").starts_with("missing field `api_version`"));
    // A payload of one operation is not accepted by another.
    assert!(
        error("oci", "v1/verify", r#"{"DNSLookupHost":{"host":"h"}}"#)
            .starts_with("unknown variant")
    );
}

#[test]
fn different_requests_have_different_keys() {
    let digest = Request::OciManifestDigest {
        image: "a".to_owned(),
    };
    let manifest = Request::OciManifest {
        image: "a".to_owned(),
    };
    assert_eq!(digest.key(), digest.key());
    assert_ne!(digest.key(), manifest.key());
    let get = |name: &str, namespace: Option<&str>| {
        Request::KubernetesGetResource(GetResource {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            disable_cache: false,
            field_masks: None,
        })
    };
    assert_ne!(
        get("a", Some("b")).key(),
        get("a\", namespace: Some(\"b", None).key()
    );
}

proptest! {
    #[test]
    fn never_panics_on_payloads(
        call in prop::sample::select(&[
            ("oci", "v1/verify"), ("oci", "v2/verify"), ("oci", "v1/oci_manifest"), ("net", "v1/dns_lookup_host"),
            ("crypto", "v1/is_certificate_trusted"), ("kubernetes", "get_resource"),
            ("kubernetes", "list_resources_all"), ("kubernetes", "can_i"), ("", ""),
        ][..]),
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            "[\\[{\":,a-z0-9\\]}]{0,64}".prop_map(String::into_bytes),
        ],
    ) {
        let _ = Request::parse(call.0, call.1, &payload);
    }

    #[test]
    fn never_panics_on_certificates(data in prop::collection::vec(any::<u8>(), 0..256), pem in any::<bool>()) {
        let encoding = if pem { "Pem" } else { "Der" };
        let verification = json!({"cert": {"encoding": encoding, "data": data}, "cert_chain": [{"encoding": encoding, "data": data}]});
        if let Ok(Request::CryptoIsCertificateTrusted { request }) =
            Request::parse("crypto", "v1/is_certificate_trusted", verification.to_string().as_bytes())
        {
            let _ = crate::crypto::is_trusted(&request);
        }
    }
}
