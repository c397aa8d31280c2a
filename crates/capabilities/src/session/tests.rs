//! Tests with sessions of Kubewarden and of this host.

use super::*;
use crate::kubernetes::{GetResource, ListAll};
use serde_json::json;

/// A session as `kwctl` writes it: older requests lack `field_masks`, payloads may be block
/// scalars.
const KWCTL_SESSION: &str = r#"- type: Exchange
  request: |
    !KubernetesGetResource
    api_version: v1
    kind: Namespace
    name: shop
    namespace: null
    disable_cache: false
  response:
    type: Error
    message: Cannot find v1/Namespace named 'shop' inside of namespace 'None'
- type: Exchange
  request: |
    !KubernetesListResourceAll
    api_version: networking.k8s.io/v1
    kind: Ingress
    label_selector: null
    field_selector: null
  response:
    type: Success
    payload: |
      {
        "items": []
      }
- type: Exchange
  request: |
    !HasKubernetesListResourceAllResultChangedSinceInstant
    api_version: v1
    kind: Pod
    label_selector: null
    field_selector: null
    field_masks: null
    since:
      secs: 1
      nanos: 2
  response: {type: Success, payload: 'true'}
- type: Exchange
  request: "!DNSLookupHost\nhost: example.org\n"
  response: {type: Success, payload: '{"ips":["192.0.2.1"]}'}
- type: Exchange
  request: |
    !KubernetesGetResourcePluralName
    api_version: v1
    kind: Pod
  response: {type: Success, payload: '"pods"'}
"#;

fn namespace(name: &str) -> Request {
    Request::KubernetesGetResource(GetResource {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name: name.to_owned(),
        namespace: None,
        disable_cache: false,
        field_masks: None,
    })
}

fn lookup(host: &str) -> Request {
    Request::DnsLookupHost {
        host: host.to_owned(),
    }
}

fn player(text: &str) -> Result<Player, SessionError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.yml");
    std::fs::write(&path, text).unwrap();
    Player::open(&path)
}

#[test]
fn replays_sessions_of_kwctl() {
    let player = player(KWCTL_SESSION).unwrap();
    let absent = player.respond(&namespace("shop")).unwrap_err();
    assert_eq!(
        absent.to_string(),
        "Callback evaluation failure: Cannot find v1/Namespace named 'shop' inside of namespace 'None'"
    );
    let ingresses = Request::KubernetesListResourceAll(ListAll {
        api_version: "networking.k8s.io/v1".to_owned(),
        kind: "Ingress".to_owned(),
        label_selector: None,
        field_selector: None,
        field_masks: None,
    });
    let list: Value = serde_json::from_slice(&player.respond(&ingresses).unwrap()).unwrap();
    assert_eq!(list, json!({"items": []}));
    let addresses = player.respond(&lookup("example.org")).unwrap();
    assert_eq!(addresses, br#"{"ips":["192.0.2.1"]}"#);
    assert_eq!(player.leftovers().len(), 1);
}

#[test]
fn consumes_exchanges_that_do_not_match() {
    let player = player(KWCTL_SESSION).unwrap();
    let error = player
        .respond(&lookup("example.org"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Replay error: unexpected request"),
        "{error}"
    );
    assert_eq!(player.leftovers().len(), 4);
    for _ in 0..4 {
        let _ = player.respond(&namespace("other"));
    }
    let error = player.respond(&namespace("other")).unwrap_err().to_string();
    assert!(
        error.ends_with("the list of recorded responses is empty"),
        "{error}"
    );
}

#[test]
fn rejects_invalid_files() {
    assert!(matches!(player("{}"), Err(SessionError::Format { .. })));
    let unknown =
        "- {type: Exchange, request: '!Nothing {}', response: {type: Success, payload: ''}}";
    assert!(matches!(
        player(unknown),
        Err(SessionError::Request { number: 1, .. })
    ));
    let missing = Player::open(Path::new("/nonexistent/session.yml"));
    assert!(matches!(missing, Err(SessionError::Read { .. })));
    assert!(player("[]\n").unwrap().leftovers().is_empty());
}

#[test]
fn replays_recorded_exchanges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.yml");
    let requests = every_request();
    let recorder = Recorder::create(&path).unwrap();
    assert!(Player::open(&path).unwrap().leftovers().is_empty());
    for (number, request) in requests.iter().enumerate() {
        let response = match number % 2 {
            0 => Ok(format!("{{\"a\": \"'{number}\\n: #\"}}\n").into_bytes()),
            _ => Err(HostCallError::Failed(format!("null: 'no'\n{number}"))),
        };
        recorder.record(request, &response);
    }
    let player = Player::open(&path).unwrap();
    for (number, request) in requests.iter().enumerate() {
        match player.respond(request) {
            Ok(payload) => {
                assert_eq!(
                    payload,
                    format!("{{\"a\": \"'{number}\\n: #\"}}\n").into_bytes()
                );
            }
            Err(error) => {
                assert_eq!(
                    error,
                    HostCallError::Failed(format!("null: 'no'\n{number}"))
                );
            }
        }
    }
    assert!(player.leftovers().is_empty());
}

#[test]
fn writes_requests_with_the_tags_of_kubewarden() {
    let text = to_tagged_yaml(&namespace("null")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.remove(0), "!KubernetesGetResource");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "api_version: v1",
            "disable_cache: false",
            "field_masks: null",
            "kind: Namespace",
            "name: \"null\"",
            "namespace: null",
        ]
    );
}

fn every_request() -> Vec<Request> {
    let image = "registry.example/a:1";
    let calls = [
        ("oci", "v1/manifest_digest", json!(image)),
        ("oci", "v1/oci_manifest", json!(image)),
        ("oci", "v1/oci_manifest_config", json!(image)),
        (
            "oci",
            "v1/verify",
            json!({"SigstorePubKeyVerify": {"image": image, "pub_keys": ["-----BEGIN\nPUBLIC\n"]}}),
        ),
        (
            "oci",
            "v2/verify",
            json!({"type": "SigstoreKeylessVerify", "image": image, "keyless": [{"issuer": "i", "subject": "s"}]}),
        ),
        (
            "oci",
            "v2/verify",
            json!({"type": "SigstoreKeylessPrefixVerify", "image": image, "keyless_prefix": [], "annotations": {"yes": "1"}}),
        ),
        (
            "oci",
            "v2/verify",
            json!({"type": "SigstoreGithubActionsVerify", "image": image, "owner": "0x1", "repo": "~"}),
        ),
        (
            "oci",
            "v2/verify",
            json!({"type": "SigstoreCertificateVerify", "image": image, "certificate": [1, 255],
            "certificate_chain": [[1], []], "require_rekor_bundle": false}),
        ),
        ("net", "v1/dns_lookup_host", json!("on")),
        (
            "crypto",
            "v1/is_certificate_trusted",
            json!({"cert": {"encoding": "Der", "data": [0]}, "cert_chain": []}),
        ),
        (
            "kubernetes",
            "list_resources_all",
            json!({"api_version": "v1", "kind": "Pod", "field_masks": ["spec"]}),
        ),
        (
            "kubernetes",
            "list_resources_by_namespace",
            json!({"api_version": "v1", "kind": "Pod", "namespace": "1e3", "label_selector": "a in (b, c)"}),
        ),
        (
            "kubernetes",
            "get_resource",
            json!({"api_version": "v1", "kind": "Pod", "name": "p", "namespace": "", "disable_cache": true}),
        ),
        (
            "kubernetes",
            "can_i",
            json!({"subject_access_review": {"user": "u", "groups": ["g"],
            "resource_attributes": {"resource": "pods", "verb": "get"}}, "disable_cache": true}),
        ),
    ];
    let read = |(namespace, operation, payload): &(&str, &str, Value)| {
        Request::parse(namespace, operation, payload.to_string().as_bytes()).unwrap()
    };
    calls.iter().map(read).collect()
}
