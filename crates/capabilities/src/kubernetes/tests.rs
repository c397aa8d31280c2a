//! Tests against a fake API server on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::testing::{response, serve};
use crate::{
    Capabilities, Grants, HostCallError, KubernetesResource, PolicyCapabilities, ServiceOptions,
    Services,
};

/// A policy, and an API server that counts its requests other than discovery.
struct Fixture {
    capabilities: Capabilities,
    policy: PolicyCapabilities,
    requests: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let address = serve(move |request| {
            let count = Arc::clone(&count);
            async move {
                let response = api_response(
                    request.uri().path(),
                    request.uri().query().unwrap_or_default(),
                );
                if !request.uri().path().ends_with("/v1") {
                    count.fetch_add(1, Ordering::SeqCst);
                    // Concurrent callers for the same key find a request under way.
                    tokio::task::yield_now().await;
                }
                response
            }
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let kubeconfig = json!({
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        });
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        let services = Services::new(ServiceOptions {
            kubeconfig: Some(path),
            ..ServiceOptions::default()
        });
        let kinds = ["Namespace", "Pod", "Missing"].map(|kind| KubernetesResource {
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
        });
        let grants = Grants::new(["kubernetes/*"], kinds).unwrap();
        let capabilities = Capabilities::live(services);
        Self {
            policy: policy(capabilities.clone(), grants),
            capabilities,
            requests,
            _folder: folder,
        }
    }

    async fn call(&self, operation: &str, payload: Value) -> Result<Value, HostCallError> {
        let call = self.policy.begin_call();
        let payload = payload.to_string();
        let response = call
            .respond("kubewarden", "kubernetes", operation, payload.as_bytes())
            .await?;
        Ok(serde_json::from_slice(&response).unwrap())
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn policy(capabilities: Capabilities, grants: Grants) -> PolicyCapabilities {
    PolicyCapabilities::new("policy", capabilities, Arc::new(grants))
}

fn api_response(path: &str, query: &str) -> Response<Full<Bytes>> {
    let pod = |name: &str| {
        let annotations =
            json!({"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "x"});
        json!({"metadata": {"name": name, "namespace": "shop", "managedFields": [{}], "annotations": annotations},
            "spec": {"nodeName": "n", "hostNetwork": false}})
    };
    let (status, body) = match path {
        "/api/v1" => {
            let resource = |name: &str, kind: &str, namespaced: bool| json!({"name": name, "kind": kind, "namespaced": namespaced, "singularName": "", "verbs": []});
            let resources = [
                resource("namespaces/finalize", "Namespace", false),
                resource("namespaces", "Namespace", false),
                resource("pods", "Pod", true),
            ];
            (
                200,
                json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}),
            )
        }
        "/api/v1/namespaces/shop" => (
            200,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "managedFields": [{}]}, "spec": {"a": 1}, "status": {}}),
        ),
        "/api/v1/pods" if query.contains("continue=more") => {
            (200, json!({"metadata": {}, "items": [pod("two")]}))
        }
        "/api/v1/pods" => (
            200,
            json!({"metadata": {"continue": "more"}, "items": [pod("one")]}),
        ),
        "/api/v1/namespaces/shop/pods" => {
            (200, json!({"metadata": {}, "items": null, "query": query}))
        }
        "/apis/authorization.k8s.io/v1/subjectaccessreviews" => (
            201,
            json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": {}, "status": {"allowed": true, "reason": "r"}}),
        ),
        _ => (
            404,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "NotFound", "code": 404}),
        ),
    };
    response(status, "application/json", body.to_string().as_bytes())
}

fn get(name: &str) -> Value {
    json!({"api_version": "v1", "kind": "Namespace", "name": name, "disable_cache": false})
}

#[tokio::test]
async fn shares_one_request_for_the_same_object() {
    let fixture = Fixture::new().await;
    let mut masked = get("shop");
    masked["field_masks"] = json!(["spec"]);
    let (first, second, third) = tokio::join!(
        fixture.call("get_resource", get("shop")),
        fixture.call("get_resource", get("shop")),
        fixture.call("get_resource", masked),
    );
    assert_eq!(first, second);
    assert_eq!(
        first.as_ref().unwrap()["metadata"]["managedFields"],
        json!([{}])
    );
    let third = third.unwrap();
    assert_eq!(third["spec"], json!({"a": 1}));
    assert_eq!(third.get("status"), None);
    assert_eq!(fixture.requests(), 1);

    let mut fresh = get("shop");
    fresh["disable_cache"] = json!(true);
    fixture.call("get_resource", fresh).await.unwrap();
    assert_eq!(fixture.requests(), 2);
}

#[tokio::test]
async fn reports_absent_objects_with_the_texts_of_kubewarden() {
    let fixture = Fixture::new().await;
    let absent = fixture.call("get_resource", get("x")).await.unwrap_err();
    assert_eq!(
        absent.to_string(),
        "Callback evaluation failure: Cannot find v1/Namespace named 'x' inside of namespace 'None'"
    );
    let pod = json!({"api_version": "v1", "kind": "Pod", "name": "x", "namespace": "ns", "disable_cache": true});
    let absent = fixture.call("get_resource", pod).await.unwrap_err();
    assert!(
        absent
            .to_string()
            .ends_with("Cannot find v1/Pod named 'x' inside of namespace 'Some(\"ns\")'")
    );
    let missing =
        json!({"api_version": "v1", "kind": "Missing", "name": "x", "disable_cache": true});
    let unknown = fixture.call("get_resource", missing).await.unwrap_err();
    assert!(
        unknown
            .to_string()
            .ends_with("Cannot find resource v1/Missing")
    );
    assert_eq!(fixture.requests(), 2);
}

/// S8: no redirects, no other paths, no proxy.
#[tokio::test]
async fn never_lets_a_name_lead_to_another_path() {
    let fixture = Fixture::new().await;
    for name in [
        "",
        ".",
        "..",
        "../pods",
        "shop/pods",
        "..%2fpods",
        "shop%3f",
    ] {
        let error = fixture.call("get_resource", get(name)).await.unwrap_err();
        assert!(
            error.to_string().contains("cannot be the name"),
            "{name} {error}"
        );
    }
    assert_eq!(fixture.requests(), 0);
    for name in ["shop?watch=1", "shop#", "shop "] {
        let error = fixture.call("get_resource", get(name)).await.unwrap_err();
        assert!(
            error.to_string().contains("Cannot find v1/Namespace"),
            "{name} {error}"
        );
    }
    let list = json!({"api_version": "v1", "kind": "Pod", "namespace": "../secrets?"});
    assert!(
        fixture
            .call("list_resources_by_namespace", list)
            .await
            .is_err()
    );
    assert_eq!(fixture.requests(), 3);
}

#[tokio::test]
async fn lists_all_pages_without_bookkeeping() {
    let fixture = Fixture::new().await;
    let list_pods = json!({"api_version": "v1", "kind": "Pod", "field_masks": ["spec.nodeName"]});
    let list = fixture
        .call("list_resources_all", list_pods.clone())
        .await
        .unwrap();
    let item = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": "n"},
            "metadata": {"name": name, "namespace": "shop", "annotations": {"kept": "x"}}})
    };
    let expected = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [item("one"), item("two")]});
    assert_eq!(list, expected);
    assert_eq!(fixture.requests(), 2);
    fixture.call("list_resources_all", list_pods).await.unwrap();
    assert_eq!(fixture.requests(), 2);

    let empty =
        json!({"api_version": "v1", "kind": "Pod", "namespace": "shop", "label_selector": "a=b"});
    let list = fixture
        .call("list_resources_by_namespace", empty)
        .await
        .unwrap();
    assert_eq!(list["items"], json!([]));
    let cluster_wide = json!({"api_version": "v1", "kind": "Namespace", "namespace": "shop"});
    let error = fixture
        .call("list_resources_by_namespace", cluster_wide)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("is cluster wide"), "{error}");
}

#[tokio::test]
async fn caches_access_reviews_unless_the_cache_is_disabled() {
    let fixture = Fixture::new().await;
    let review = |disable_cache: bool| {
        let attributes = json!({"resource": "pods", "verb": "get"});
        json!({
            "subject_access_review": {"user": "u", "resource_attributes": attributes},
            "disable_cache": disable_cache,
        })
    };
    let status = fixture.call("can_i", review(false)).await.unwrap();
    assert_eq!(status, json!({"allowed": true, "reason": "r"}));
    fixture.call("can_i", review(false)).await.unwrap();
    assert_eq!(fixture.requests(), 1);
    fixture.call("can_i", review(true)).await.unwrap();
    assert_eq!(fixture.requests(), 2);
}

#[tokio::test]
async fn builds_and_caches_the_context_of_rego_policies() {
    let fixture = Fixture::new().await;
    let pods = KubernetesResource {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
    };
    let grants = Grants::new([""; 0], [pods]).unwrap();
    let policy = policy(fixture.capabilities.clone(), grants);
    let context = policy.opa_context().await.unwrap();
    let context: Value = serde_json::from_slice(&context).unwrap();
    assert_eq!(context["kubernetes"]["pods"]["shop"]["two"]["kind"], "Pod");
    policy.opa_context().await.unwrap();
    policy.gatekeeper_inventory().await.unwrap();
    assert_eq!(fixture.requests(), 2);
}

#[tokio::test]
async fn connects_to_the_cluster_at_the_first_call() {
    let services = Services::new(ServiceOptions {
        kubeconfig: Some("/nonexistent/kubeconfig".into()),
        ..ServiceOptions::default()
    });
    let grants = Grants::new(["kubernetes/can_i"], []).unwrap();
    let call = policy(Capabilities::live(services), grants).begin_call();
    let payload = br#"{"subject_access_review":{"user":"u","resource_attributes":{"resource":"pods","verb":"get"}},"disable_cache":false}"#;
    let error = call
        .respond("kubewarden", "kubernetes", "can_i", payload)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("Callback evaluation failure: cannot read the kubeconfig: "),
        "{error}"
    );
}
