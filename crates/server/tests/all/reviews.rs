//! Tests of the responses to reviews.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use crate::client::{self, Client, Reply};
use crate::modules;
use crate::running::{self, Running, Setup};

pub fn token_review(version: &str) -> String {
    json!({"kind": "TokenReview", "apiVersion": format!("authentication.k8s.io/{version}"), "metadata": {},
        "spec": {"token": "secret-token", "audiences": ["api"]}, "status": {"user": {}}})
    .to_string()
}

pub fn access_review(version: &str) -> String {
    json!({"kind": "SubjectAccessReview", "apiVersion": format!("authorization.k8s.io/{version}"), "metadata": {},
        "spec": {"resourceAttributes": {"namespace": "ns", "verb": "list", "version": "v1", "resource": "pods"}, "user": "jane"},
        "status": {"allowed": false}})
    .to_string()
}

pub fn admission_review(version: &str, padding: usize) -> String {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "annotations": {"p": "x".repeat(padding)}}});
    json!({"kind": "AdmissionReview", "apiVersion": format!("admission.k8s.io/{version}"), "request": {
        "uid": "4711", "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"}, "name": "c", "namespace": "ns",
        "operation": "CREATE", "userInfo": {"username": "jane"}, "object": object, "oldObject": null,
        "dryRun": false, "options": null}})
    .to_string()
}

async fn magic_server() -> Running {
    Setup::magic().start().await
}

pub fn check_review(reply: &Reply, api_version: &str, kind: &str) {
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(
        (&reply.body["apiVersion"], &reply.body["kind"]),
        (&api_version.into(), &kind.into())
    );
}

#[tokio::test]
async fn responds_in_the_api_version_of_the_request() {
    let server = magic_server().await;
    for version in ["v1", "v1beta1"] {
        let reply = server
            .post("/authn?timeout=30s", token_review(version))
            .await;
        check_review(
            &reply,
            &format!("authentication.k8s.io/{version}"),
            "TokenReview",
        );
        assert_eq!(reply.body["status"]["user"]["username"], "magic-user");

        let reply = server
            .post("/authz?timeout=3s", access_review(version))
            .await;
        check_review(
            &reply,
            &format!("authorization.k8s.io/{version}"),
            "SubjectAccessReview",
        );
        assert_eq!(reply.body["status"]["allowed"], true);

        for path in [
            "/validate",
            "/mutate",
            "/validate/validate.wasm",
            "/mutate/mutate%2Ewasm",
        ] {
            let reply = server.post(path, admission_review(version, 0)).await;
            check_review(
                &reply,
                &format!("admission.k8s.io/{version}"),
                "AdmissionReview",
            );
            assert_eq!(
                (
                    &reply.body["response"]["uid"],
                    &reply.body["response"]["allowed"]
                ),
                (&"4711".into(), &true.into())
            );
            assert_eq!(
                reply.body["response"]["patch"].is_string(),
                path.starts_with("/mutate"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn returns_a_rejection_inside_the_review() {
    let modules = [("no.wasm", modules::rejecting())];
    let server = Setup::new(&admission("no.wasm", "Fail"), modules)
        .start()
        .await;
    let reply = server.post("/validate", admission_review("v1", 0)).await;
    check_review(&reply, "admission.k8s.io/v1", "AdmissionReview");
    assert_eq!(reply.body["response"]["allowed"], false);
    let message = reply.body["response"]["status"]["message"]
        .as_str()
        .unwrap();
    assert!(message.contains("not today"), "{message}");
}

pub fn admission(module: &str, on_failure: &str) -> String {
    format!(
        "admission: {{modules: [{{module: {module}, failurePolicy: {on_failure}, rules: [{{operations: ['*'], apiGroups: ['*'], \
        apiVersions: ['*'], resources: ['*']}}]}}]}}"
    )
}

/// S8: no redirects, no other paths, no proxy.
#[tokio::test]
async fn rejects_other_paths() {
    let server = magic_server().await;
    for path in [
        "/",
        "/livez",
        "/authn/",
        "/authn/authn.wasm",
        "/validate/",
        "/validate/a/b",
        "/validate/%ff",
        "//authn",
        "/authn%2f",
    ] {
        server
            .post(path, token_review("v1"))
            .await
            .is_failure(404, "NotFound");
    }
    let reply = server
        .post("/validate/other", admission_review("v1", 0))
        .await;
    assert_eq!(
        reply.is_failure(404, "NotFound").message(),
        "policy `other` not found"
    );
    // A mutating policy has no validation path.
    server
        .post("/validate/mutate.wasm", admission_review("v1", 0))
        .await
        .is_failure(404, "NotFound");
}

#[tokio::test]
async fn rejects_methods_other_than_post() {
    let server = magic_server().await;
    for method in [
        Method::GET,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ] {
        let request = Request::builder()
            .method(method)
            .uri("/authn")
            .body(Full::default())
            .unwrap();
        let reply = Client::plain(server.address).await.send(request).await;
        reply.is_failure(405, "MethodNotAllowed");
        assert_eq!(reply.headers["allow"], "POST");
    }
}

#[tokio::test]
async fn rejects_content_types_other_than_json() {
    let server = magic_server().await;
    let send = async |content_type: Option<&str>| {
        let mut request = client::review("/authn", token_review("v1"));
        request.headers_mut().remove("content-type");
        if let Some(content_type) = content_type {
            request
                .headers_mut()
                .insert("content-type", content_type.parse().unwrap());
        }
        Client::plain(server.address).await.send(request).await
    };
    for good in [
        None,
        Some("application/json"),
        Some("Application/JSON; charset=utf-8"),
    ] {
        assert_eq!(send(good).await.status, StatusCode::OK, "{good:?}");
    }
    for bad in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/jsonp",
        "application/vnd.kubernetes.protobuf",
    ] {
        send(Some(bad))
            .await
            .is_failure(415, "UnsupportedMediaType");
    }
}

#[tokio::test]
async fn explains_malformed_reviews() {
    let server = magic_server().await;
    for (path, body) in [
        ("/authn", String::new()),
        ("/authn", "{".to_owned()),
        ("/authn", "[".repeat(100_000)),
        ("/authn", access_review("v1")),
        ("/authn", token_review("v2")),
        ("/authz", token_review("v1")),
        (
            "/validate",
            r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#.to_owned(),
        ),
        ("/mutate", "null".to_owned()),
    ] {
        let reply = server.post(path, body).await;
        let message = reply.is_failure(400, "BadRequest").message();
        assert!(
            message.starts_with("failed to parse the review: "),
            "{message}"
        );
    }
}

#[tokio::test]
async fn rejects_malformed_timeouts() {
    let server = magic_server().await;
    for timeout in ["", "soon", "10", "-1s", "0s"] {
        let reply = server
            .post(&format!("/authn?timeout={timeout}"), token_review("v1"))
            .await;
        assert!(
            reply
                .is_failure(400, "BadRequest")
                .message()
                .contains("`timeout`")
        );
    }
    let reply = server
        .post("/authn?timeout=1m30s&other=x", token_review("v1"))
        .await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn accepts_reviews_up_to_the_limit() {
    let limit = admission_review("v1", 3_000_000).len();
    let server = Setup::magic()
        .options(|options| options.max_body_bytes = limit)
        .start()
        .await;
    let mut client = Client::plain(server.address).await;
    let reply = client
        .post("/validate", admission_review("v1", 3_000_000))
        .await;
    check_review(&reply, "admission.k8s.io/v1", "AdmissionReview");

    let reply = client
        .post("/validate", admission_review("v1", 3_000_001))
        .await;
    assert_eq!(
        reply.is_failure(413, "RequestEntityTooLarge").message(),
        format!("the review is larger than {limit} bytes")
    );
}

#[tokio::test]
async fn rejects_a_large_content_length_without_reading() {
    let server = Setup::magic()
        .options(|options| options.max_body_bytes = 1000)
        .start()
        .await;
    let head = b"POST /authn HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    let response = raw(&server, head).await;
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
}

#[tokio::test]
async fn rejects_a_large_chunked_body() {
    let server = Setup::magic()
        .options(|options| options.max_body_bytes = 1000)
        .start()
        .await;
    let mut flood =
        b"POST /authn HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..100 {
        flood.extend_from_slice(b"64\r\n");
        flood.extend_from_slice(&[b'x'; 100]);
        flood.extend_from_slice(b"\r\n");
    }
    let response = raw(&server, &flood).await;
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
}

/// Sends bytes and reads the start of the response.
async fn raw(server: &Running, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = client::tcp(server.address).await;
    stream.write_all(bytes).await.unwrap();
    let mut response = vec![0; 4096];
    let length = running::soon(stream.read(&mut response)).await.unwrap();
    String::from_utf8_lossy(&response[..length]).into_owned()
}

#[tokio::test]
async fn rejects_reviews_that_exceed_the_total_limit() {
    let one = token_review("v1").len();
    let server = Setup::magic()
        .options(|options| options.max_total_body_bytes = one)
        .start()
        .await;
    assert_eq!(
        server.post("/authn", token_review("v1")).await.status,
        StatusCode::OK
    );
    let reply = server.post("/authn", token_review("v1beta1")).await;
    reply.is_failure(429, "TooManyRequests");
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(
        server.post("/authn", token_review("v1")).await.status,
        StatusCode::OK,
        "the budget is returned"
    );
}

#[tokio::test]
async fn replaces_the_host_while_serving() {
    let server = magic_server().await;
    let mut client = Client::plain(server.address).await;
    assert_eq!(
        client
            .post("/validate", admission_review("v1", 0))
            .await
            .body["response"]["allowed"],
        true
    );
    let folder = crate::pki::Folder::new();
    server.handle.replace(&running::host(
        &folder,
        &admission("no.wasm", "Fail"),
        &[("no.wasm", modules::rejecting())],
    ));
    assert_eq!(
        client
            .post("/validate", admission_review("v1", 0))
            .await
            .body["response"]["allowed"],
        false
    );
}

/// S16: ready when modules are compiled, and a graceful end.
#[tokio::test]
async fn serves_probes_on_the_admin_port_only() {
    let server = magic_server().await;
    assert_eq!(
        probe(server.admin, "GET", "/livez").await,
        (200, "ok\n".to_owned())
    );
    assert_eq!(
        probe(server.admin, "GET", "/readyz").await,
        (200, "ok\n".to_owned())
    );
    assert_eq!(probe(server.admin, "POST", "/readyz").await.0, 405);
    assert_eq!(probe(server.admin, "GET", "/authn").await.0, 404);
    assert_eq!(probe(server.address, "GET", "/readyz").await.0, 404);
}

/// Sends a request to the admin port. Returns the status code and the body.
pub async fn probe(address: std::net::SocketAddr, method: &str, path: &str) -> (u16, String) {
    use http_body_util::BodyExt;
    let stream = hyper_util::rt::TokioIo::new(client::tcp(address).await);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = running::soon(sender.send_request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}
