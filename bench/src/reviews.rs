//! Reviews of the size that an API server sends.

use serde_json::{Value, json};

/// Returns a TokenReview that the magic authenticator accepts.
pub fn token() -> Vec<u8> {
    json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "spec": {"token": "magic-token", "audiences": ["https://kubernetes.default.svc.cluster.local"]},
        "status": {"user": {}}
    })
    .to_string()
    .into_bytes()
}

/// Returns a SubjectAccessReview that the magic authorizer allows.
pub fn access() -> Vec<u8> {
    json!({
        "kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
        "spec": {
            "resourceAttributes": {"namespace": "default", "verb": "list", "version": "v1", "resource": "configmaps"},
            "user": "magic-user", "uid": "0", "groups": ["magic-group", "system:authenticated"]
        },
        "status": {"allowed": false}
    })
    .to_string()
    .into_bytes()
}

/// Returns an AdmissionReview of the creation of a ConfigMap with managed fields, about 3.4 KB.
pub fn configmap() -> Vec<u8> {
    let data: serde_json::Map<String, Value> = (0..32)
        .map(|n| (format!("key-{n:02}"), json!("0123456789abcdef".repeat(3))))
        .collect();
    let gvk = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    let gvr = json!({"group": "", "version": "v1", "resource": "configmaps"});
    json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": gvk, "resource": gvr,
            "requestKind": gvk, "requestResource": gvr,
            "name": "my-config", "namespace": "default", "operation": "CREATE",
            "userInfo": {"username": "magic-user", "uid": "0", "groups": ["magic-group", "system:authenticated"]},
            "object": {
                "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": {
                    "name": "my-config", "namespace": "default", "uid": "869d6f79-dbe3-4ef0-8255-ef817e6e673e",
                    "creationTimestamp": "2026-08-11T05:05:28Z", "labels": {"app": "bench", "tier": "backend"},
                    "managedFields": [{
                        "manager": "kubectl-create", "operation": "Update", "apiVersion": "v1",
                        "time": "2026-08-11T05:05:28Z", "fieldsType": "FieldsV1",
                        "fieldsV1": {"f:data": data.keys().map(|key| (format!("f:{key}"), json!({}))).collect::<serde_json::Map<_, _>>()}
                    }]
                },
                "data": data
            },
            "oldObject": null, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl-create"}
        }
    })
    .to_string()
    .into_bytes()
}
