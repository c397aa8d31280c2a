//! What the module promises, tried.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{KubernetesResource, ServiceOptions};

fn call<'a>(path: &'a str, payload: &'a str) -> Call<'a> {
    let (namespace, operation) = path.split_once('/').unwrap();
    Call {
        policy: "policy",
        namespace,
        operation,
        payload: payload.as_bytes(),
    }
}

fn granted(patterns: &[&str], kinds: &[(&str, &str)]) -> Grants {
    let kinds = kinds.iter().map(|(api_version, kind)| KubernetesResource {
        api_version: (*api_version).to_owned(),
        kind: (*kind).to_owned(),
    });
    Grants::new(patterns, kinds).unwrap()
}

/// S6: modules reach nothing outside, and ask nothing that is not granted.
#[tokio::test]
async fn closes_the_gate_before_the_payload_is_read() {
    let nobody = Capabilities::none();
    let nothing = Grants::default();
    let refused = nobody.answer(&nothing, call("oci/v1/verify", "not json"));
    let expected = Refused::CapabilityNotGranted {
        path: "oci/v1/verify".to_owned(),
    };
    assert_eq!(refused.await, Err(expected));
    let everything = granted(&["*"], &[]);
    let malformed = nobody
        .answer(&everything, call("oci/v1/verify", "not json"))
        .await;
    assert!(
        matches!(malformed, Err(Refused::Malformed(_))),
        "{malformed:?}"
    );
    let list = r#"{"api_version":"v1","kind":"Pod"}"#;
    let refused = nobody
        .answer(&everything, call("kubernetes/list_resources_all", list))
        .await;
    assert!(
        matches!(refused, Err(Refused::ResourceNotGranted { .. })),
        "{refused:?}"
    );
    let unavailable = nobody
        .answer(&everything, call("net/v1/dns_lookup_host", "\"a\""))
        .await;
    assert_eq!(unavailable, Err(Refused::Unavailable));
}

#[tokio::test]
async fn lets_every_policy_log_and_nothing_else_in_that_namespace() {
    let nobody = Capabilities::none();
    let nothing = Grants::default();
    for payload in [r#"{"level":"INFO","message":"m","k":1}"#, "malformed"] {
        let logged = nobody.answer(&nothing, call("tracing/log", payload));
        assert_eq!(logged.await, Ok(Vec::new()));
    }
    let refused = nobody.answer(&nothing, call("tracing/other", "")).await;
    assert_eq!(refused.unwrap_err().to_string(), "unknown operation: other");
}

#[test]
fn knows_one_binding() {
    assert_eq!(Refused::unless_kubewarden("kubewarden"), Ok(()));
    let refused = Refused::unless_kubewarden("other").unwrap_err();
    assert_eq!(refused.to_string(), "unknown binding: other");
}

#[tokio::test]
async fn replays_what_was_recorded_live() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.yml");
    let grants = granted(&["net/*", "crypto/*", "oci/*"], &[]);
    let calls = [
        call("net/v1/dns_lookup_host", "\"127.0.0.1\""),
        call(
            "crypto/v1/is_certificate_trusted",
            r#"{"cert":{"encoding":"Pem","data":[]}}"#,
        ),
        call(
            "oci/v2/verify",
            r#"{"type":"SigstoreKeylessVerify","image":"a","keyless":[]}"#,
        ),
    ];
    let services = Services::new(ServiceOptions::default());
    let recording = Capabilities::recording(services, &path).unwrap();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(recording.answer(&grants, call).await);
    }
    // Refused calls and log entries are not in the file.
    let _ = recording.answer(&Grants::default(), calls[0]).await;
    let _ = recording.answer(&grants, call("tracing/log", "{}")).await;

    let replaying = Capabilities::replaying(&path).unwrap();
    assert_eq!(replaying.leftovers().len(), calls.len());
    for (call, answer) in calls.into_iter().zip(answers) {
        assert_eq!(replaying.answer(&grants, call).await, answer);
    }
    assert!(replaying.leftovers().is_empty());
    let malformed =
        "Callback evaluation failure: Certificate PEM data is not valid: no items found";
    let again = Capabilities::replaying(&path).unwrap();
    let _ = again.answer(&grants, calls[0]).await;
    assert_eq!(
        again
            .answer(&grants, calls[1])
            .await
            .unwrap_err()
            .to_string(),
        malformed
    );
}

#[tokio::test]
async fn builds_documents_for_rego_from_a_session() {
    let namespaces = json!({"items": [{"metadata": {"name": "shop"}}]});
    let pods = json!({"items": [{"metadata": {"name": "web", "namespace": "shop"}}]});
    let exchange = |request: String, payload: String| json!({"type": "Exchange", "request": request, "response": {"type": "Success", "payload": payload}});
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

    let context = replaying.opa_context(&grants).await.unwrap();
    let context: Value = serde_json::from_slice(&context).unwrap();
    let expected = json!({"kubernetes": {
        "namespaces": {"shop": namespaces["items"][0]}, "pods": {"shop": {"web": pods["items"][0]}},
    }});
    assert_eq!(context, expected);
    let inventory = replaying.gatekeeper_inventory(&grants).await.unwrap();
    let inventory: Value = serde_json::from_slice(&inventory).unwrap();
    assert_eq!(
        inventory["inventory"]["namespace"]["shop"]["v1"]["Pod"]["web"],
        pods["items"][0]
    );
    assert!(replaying.leftovers().is_empty());
    assert_eq!(
        replaying.opa_context(&Grants::default()).await.unwrap(),
        b"{}"
    );
}

proptest! {
    #[test]
    fn no_log_entry_panics(payload in prop::collection::vec(any::<u8>(), 0..128), text in "\\PC{0,64}") {
        log::emit("policy", &payload);
        log::emit("policy", json!({"level": text, "message": text, "x": [text]}).to_string().as_bytes());
    }
}
