//! What is logged: one line per decision, and nothing that must stay secret.

use std::io;
use std::sync::{Arc, Mutex, Once};

use serde_json::{Value, json};
use tracing::Level;

use crate::modules;
use crate::pki::Authority;
use crate::reviews::{access_review, admission_review, token_review};
use crate::running::Setup;

/// What is logged on one thread; `#[tokio::test]` runs the server on the thread of the test, too.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static OF_THIS_THREAD: Log = Log::default();
}

impl Log {
    /// Everything from level debug on. There is one subscriber for all threads, because what `tracing` remembers about call
    /// sites is for all threads, too.
    fn of_this_thread() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let writer = || OF_THIS_THREAD.with(Clone::clone);
            tracing_subscriber::fmt()
                .json()
                .with_max_level(Level::DEBUG)
                .with_writer(writer)
                .init();
        });
        OF_THIS_THREAD.with(Clone::clone)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }

    /// The lines that are shown at the usual level.
    fn text_at_info(&self) -> String {
        let text = self.text();
        text.lines()
            .filter(|line| !line.contains(r#""level":"DEBUG""#))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The fields of each line with this message.
    fn lines(&self, message: &str) -> Vec<Value> {
        let text = self.text_at_info();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines
            .map(|line| line["fields"].clone())
            .filter(|fields| fields["message"] == message)
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_decision_is_one_line() {
    let log = Log::of_this_thread();
    let server = Setup::magic().start().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authz", access_review("v1")).await;
    server.post("/mutate", admission_review("v1", 0)).await;

    let lines = log.lines("decided");
    let facts: Vec<_> = lines
        .iter()
        .map(|line| {
            ["plane", "policy", "verdict"].map(|field| line[field].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        facts,
        [
            ["authentication", "authn.wasm", "authenticated"],
            ["authorization", "authz.wasm", "allowed"],
            ["mutation", "mutate.wasm", "patched"],
        ]
    );
    assert_eq!(lines[2]["uid"], "4711");
    assert!(
        lines
            .iter()
            .all(|line| line["status"] == 200 && line["duration_us"].is_u64()),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_a_watched_policy_would_have_done_is_a_line() {
    let log = Log::of_this_thread();
    let configuration = "authentication: {modules: [{module: authn.wasm, policyMode: monitor}]}\n\
                         authorization: {modules: [{module: authz.wasm, policyMode: monitor}]}";
    let modules = [
        ("authn.wasm", modules::authenticator()),
        ("authz.wasm", modules::authorizer()),
    ];
    let server = Setup::new(configuration, modules).start().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authz", access_review("v1")).await;
    for (plane, would) in [
        ("authentication", "authenticated"),
        ("authorization", "allowed"),
    ] {
        let lines = log.lines(&format!("would be {would}, mode monitor"));
        assert!(
            lines.iter().all(|line| line["plane"] == plane) && lines.len() == 1,
            "{lines:?}"
        );
    }
    let decided = log.lines("decided");
    let verdicts: Vec<_> = decided.iter().map(|line| &line["verdict"]).collect();
    assert_eq!(verdicts, ["unauthenticated", "no-opinion"]);
}

#[tokio::test]
async fn a_decision_on_a_raw_request_is_one_line_too() {
    let log = Log::of_this_thread();
    let modules = [
        ("no.wasm", modules::kubewarden(r#"{"accepted":false}"#)),
        ("odd.wasm", modules::kubewarden("{}")),
    ];
    let configuration = "admission: {modules: [{module: no.wasm}, {module: odd.wasm}]}";
    let server = Setup::new(configuration, modules).start().await;
    for policy in ["no.wasm", "odd.wasm"] {
        let review = r#"{"request":{"uid":"4711"}}"#;
        server
            .post(&format!("/validate_raw/{policy}"), review)
            .await;
    }
    let lines = log.lines("decided");
    let facts: Vec<_> = lines
        .iter()
        .map(|line| ["plane", "policy", "verdict", "uid", "status"].map(|field| &line[field]))
        .collect();
    assert_eq!(
        facts,
        [
            [
                &json!("raw"),
                &json!("no.wasm"),
                &json!("rejected"),
                &json!("4711"),
                &json!(200)
            ],
            [
                &json!("raw"),
                &json!("odd.wasm"),
                &json!("failed"),
                &json!("4711"),
                &json!(500)
            ],
        ]
    );
    assert_eq!(log.lines("a policy failed").len(), 1);
}

#[tokio::test]
async fn a_failed_policy_is_a_warning_with_its_kind() {
    let log = Log::of_this_thread();
    let modules = [("bad.wasm", modules::trapping("authz"))];
    let server = Setup::new("authorization: {modules: [{module: bad.wasm}]}", modules)
        .start()
        .await;
    server.post("/authz", access_review("v1")).await;

    let [line] = log.lines("a policy failed").try_into().expect("one line");
    assert_eq!(
        (&line["policy"], &line["kind"]),
        (&"bad.wasm".into(), &"trap".into())
    );
    let [line] = log.lines("decided").try_into().expect("one line");
    assert_eq!(
        (&line["verdict"], &line["status"]),
        (&"failed".into(), &503.into())
    );
}

/// S7: no token, Secret or whole object in the log.
#[tokio::test]
async fn a_refused_request_is_one_line_without_what_was_sent() {
    let log = Log::of_this_thread();
    let server = Setup::magic().start().await;
    server.post("/authn", r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":"secret-token"}"#).await;
    let [line] = log.lines("refused a request").try_into().expect("one line");
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&400.into(), &"BadRequest".into())
    );
    assert!(
        !log.text_at_info().contains("secret-token"),
        "{}",
        log.text()
    );
}

/// S7: no token, Secret or whole object in the log.
#[tokio::test]
async fn no_level_shows_a_token_or_an_object() {
    let log = Log::of_this_thread();
    let configuration = r"
authentication: {modules: [{module: authn.wasm, debug: true}]}
authorization: {modules: [{module: loop.wasm, timeout: 10ms}]}
";
    let modules = [
        ("authn.wasm", modules::authenticator()),
        ("loop.wasm", modules::endless("authz")),
    ];
    let server = Setup::new(configuration, modules).start().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authz", access_review("v1")).await;
    assert_eq!(log.lines("decided").len(), 2);
    assert!(!log.text().contains("secret-token"), "{}", log.text());
}

/// S2: clients are authenticated, and a server warns when they are not.
#[tokio::test]
async fn a_server_that_anybody_may_ask_warns() {
    const WARNING: &str =
        "everybody who reaches the port may ask: no CA for client certificates is set";
    let (log, authority) = (Log::of_this_thread(), Authority::new());
    drop(
        Setup::magic()
            .tls_for_clients(&authority, &[])
            .start()
            .await,
    );
    assert_eq!(log.lines(WARNING).len(), 0);
    drop(Setup::magic().tls(&authority).start().await);
    assert_eq!(log.lines(WARNING).len(), 1);
}
