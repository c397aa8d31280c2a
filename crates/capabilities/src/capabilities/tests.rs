//! Tests of the path of host calls.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{KubernetesResource, ServiceOptions};

fn policy(capabilities: &Capabilities, grants: &Grants) -> PolicyCapabilities {
    PolicyCapabilities::new("policy", capabilities.clone(), Arc::new(grants.clone()))
}

/// Makes a host call in a call of its own.
async fn respond(
    capabilities: &Capabilities,
    grants: &Grants,
    (path, payload): (&str, &str),
) -> Result<Vec<u8>, HostCallError> {
    let (namespace, operation) = path.split_once('/').unwrap();
    let call = policy(capabilities, grants).begin_call();
    call.respond("kubewarden", namespace, operation, payload.as_bytes())
        .await
}

fn granted(patterns: &[&str], kinds: &[(&str, &str)]) -> Grants {
    let kinds = kinds.iter().map(|(api_version, kind)| KubernetesResource {
        api_version: (*api_version).to_owned(),
        kind: (*kind).to_owned(),
    });
    Grants::new(patterns, kinds).unwrap()
}

/// S6: modules have no access to the outside, and make no host calls that are not granted.
#[tokio::test]
async fn closes_the_gate_before_the_payload_is_read() {
    let none = Capabilities::none();
    let error = respond(&none, &Grants::default(), ("oci/v1/verify", "not json")).await;
    let expected = HostCallError::CapabilityNotGranted {
        path: "oci/v1/verify".to_owned(),
    };
    assert_eq!(error, Err(expected));
    let everything = granted(&["*"], &[]);
    let error = respond(&none, &everything, ("oci/v1/verify", "not json")).await;
    assert!(
        matches!(error, Err(HostCallError::InvalidPayload(_))),
        "{error:?}"
    );
    let list = r#"{"api_version":"v1","kind":"Pod"}"#;
    let error = respond(&none, &everything, ("kubernetes/list_resources_all", list)).await;
    assert!(
        matches!(error, Err(HostCallError::ResourceNotGranted { .. })),
        "{error:?}"
    );
    let error = respond(&none, &everything, ("net/v1/dns_lookup_host", "\"a\"")).await;
    assert_eq!(error, Err(HostCallError::Unavailable));
}

#[tokio::test]
async fn needs_no_grant_for_tracing() {
    let none = Capabilities::none();
    let nothing = Grants::default();
    for payload in [r#"{"level":"INFO","message":"m","k":1}"#, "malformed"] {
        let logged = respond(&none, &nothing, ("tracing/log", payload)).await;
        assert_eq!(logged, Ok(Vec::new()));
    }
    let error = respond(&none, &nothing, ("tracing/other", "")).await;
    assert_eq!(error.unwrap_err().to_string(), "unknown operation: other");
}

#[tokio::test]
async fn accepts_log_entries_beyond_the_budget_of_a_call() {
    let call = policy(&Capabilities::none(), &Grants::default()).begin_call();
    let payload = vec![b'x'; MAX_LOG_BYTES / 2 + 1];
    for left in [MAX_LOG_BYTES / 2 - 1, 0, 0] {
        let logged = call.respond("kubewarden", "tracing", "log", &payload).await;
        assert_eq!(logged, Ok(Vec::new()));
        assert_eq!(call.log_bytes_left.load(Ordering::Relaxed), left);
    }
}

#[tokio::test]
async fn rejects_other_bindings() {
    let call = policy(&Capabilities::none(), &Grants::default()).begin_call();
    let error = call.respond("other", "tracing", "log", b"").await;
    assert_eq!(error.unwrap_err().to_string(), "unknown binding: other");
}

#[tokio::test]
async fn replays_recorded_calls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.yml");
    let grants = granted(&["net/*", "crypto/*", "oci/*"], &[]);
    let calls = [
        ("net/v1/dns_lookup_host", "\"127.0.0.1\""),
        (
            "crypto/v1/is_certificate_trusted",
            r#"{"cert":{"encoding":"Pem","data":[]}}"#,
        ),
        (
            "oci/v2/verify",
            r#"{"type":"SigstoreKeylessVerify","image":"a","keyless":[]}"#,
        ),
    ];
    let services = Services::new(ServiceOptions::default());
    let recording = Capabilities::recording(services, &path).unwrap();
    let mut responses = Vec::new();
    for call in calls {
        responses.push(respond(&recording, &grants, call).await);
    }
    // Refused calls and log entries are not recorded.
    let _ = respond(&recording, &Grants::default(), calls[0]).await;
    let _ = respond(&recording, &grants, ("tracing/log", "{}")).await;

    let replaying = Capabilities::replaying(&path).unwrap();
    assert_eq!(replaying.leftovers().len(), calls.len());
    for (call, response) in calls.into_iter().zip(responses) {
        assert_eq!(respond(&replaying, &grants, call).await, response);
    }
    assert!(replaying.leftovers().is_empty());
    let invalid = "Callback evaluation failure: Certificate PEM data is not valid: no items found";
    let replaying = Capabilities::replaying(&path).unwrap();
    let _ = respond(&replaying, &grants, calls[0]).await;
    let error = respond(&replaying, &grants, calls[1]).await.unwrap_err();
    assert_eq!(error.to_string(), invalid);
}

#[tokio::test]
async fn builds_the_context_of_rego_policies_from_a_session() {
    let namespaces = json!({"items": [{"metadata": {"name": "shop"}}]});
    let pods = json!({"items": [{"metadata": {"name": "web", "namespace": "shop"}}]});
    let exchange = |request: String, payload: String| {
        let response = json!({"type": "Success", "payload": payload});
        json!({"type": "Exchange", "request": request, "response": response})
    };
    let list = |kind: &str, list: &Value| {
        exchange(
            format!("!KubernetesListResourceAll\napi_version: v1\nkind: {kind}\n"),
            list.to_string(),
        )
    };
    let plural = |kind: &str, plural: &str| {
        exchange(
            format!("!KubernetesGetResourcePluralName\napi_version: v1\nkind: {kind}\n"),
            format!("\"{plural}\""),
        )
    };
    let session = json!([
        list("Namespace", &namespaces),
        list("Pod", &pods),
        plural("Namespace", "namespaces"),
        plural("Pod", "pods"),
        list("Namespace", &namespaces),
        list("Pod", &pods),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.yml");
    std::fs::write(&path, session.to_string()).unwrap();
    let replaying = Capabilities::replaying(&path).unwrap();
    let grants = granted(&[], &[("v1", "Pod"), ("v1", "Namespace")]);

    let context = policy(&replaying, &grants).opa_context().await.unwrap();
    let context: Value = serde_json::from_slice(&context).unwrap();
    let expected = json!({"kubernetes": {
        "namespaces": {"shop": namespaces["items"][0]}, "pods": {"shop": {"web": pods["items"][0]}},
    }});
    assert_eq!(context, expected);
    let inventory = policy(&replaying, &grants)
        .gatekeeper_inventory()
        .await
        .unwrap();
    let inventory: Value = serde_json::from_slice(&inventory).unwrap();
    assert_eq!(
        inventory["inventory"]["namespace"]["shop"]["v1"]["Pod"]["web"],
        pods["items"][0]
    );
    assert!(replaying.leftovers().is_empty());
    let nothing = policy(&replaying, &Grants::default());
    assert_eq!(nothing.opa_context().await.unwrap(), b"{}");
}

proptest! {
    #[test]
    fn never_panics_on_log_entries(payload in prop::collection::vec(any::<u8>(), 0..128), text in "\\PC{0,64}") {
        log::emit("policy", &payload);
        log::emit("policy", json!({"level": text, "message": text, "x": [text]}).to_string().as_bytes());
    }
}
