//! What the port for operators tells, and takes.

use serde_json::Value;

use crate::modules;
use crate::reviews::probe;
use crate::running::{self, Running, Setup};

async fn status(server: &Running) -> Value {
    let (code, body) = probe(server.admin, "GET", "/status").await;
    assert_eq!(code, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

#[tokio::test]
async fn the_status_names_the_policies_and_counts_their_changes() {
    let server = Setup::magic().start().await;
    let before = status(&server).await;
    assert_eq!(before["ready"], true);
    assert_eq!(before["generation"], 1);
    assert_eq!(before["policies"][0]["plane"], "authentication");
    let digest = before["policies"][0]["digest"].as_str().expect("a digest");
    assert!(digest.starts_with("sha256:"), "{digest}");

    let folder = crate::pki::Folder::new();
    let configuration = "authorization:\n  modules:\n  - {name: other, module: ./other.wasm}\n";
    let modules = [("other.wasm", modules::authorizer())];
    let other = running::host(&folder, configuration, &modules);
    server.handle.replace(other);
    let after = status(&server).await;
    assert_eq!(after["generation"], 2);
    assert_eq!(after["policies"][0]["name"], "other");
}

#[tokio::test]
async fn a_change_that_does_not_load_is_shown_until_one_does() {
    let server = Setup::magic().start().await;
    server.handle.keep("line 3: no such module".to_owned());
    let kept = status(&server).await;
    assert_eq!(kept["problem"], "line 3: no such module");
    assert_eq!(kept["ready"], true);
    assert_eq!(kept["generation"], 1);

    let folder = crate::pki::Folder::new();
    server.handle.replace(running::host(&folder, "", &[]));
    assert!(status(&server).await.get("problem").is_none());
}

#[tokio::test]
async fn a_reload_can_be_asked_for_by_hand() {
    let server = Setup::magic().start().await;
    assert_eq!(probe(server.admin, "GET", "/reload").await.0, 405);
    assert_eq!(probe(server.admin, "POST", "/reload").await.0, 202);
    server.handle.reload_requested().await;
}
