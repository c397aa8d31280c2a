//! Tests of the log: one line for each decision, and no secrets.

use std::io;
use std::sync::{Arc, Mutex, Once};

use serde_json::{Value, json};
use tracing::Level;

use crate::modules;
use crate::pki::Authority;
use crate::reviews::{access_review, admission_review, token_review};
use crate::running::Setup;

/// The log of one thread. `#[tokio::test]` runs the server on the thread of the test.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static LOG: Log = Log::default();
}

impl Log {
    /// Returns the log of this thread, from level debug on. All threads share one subscriber,
    /// because they share the callsite cache of `tracing`.
    fn start() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let writer = || LOG.with(Clone::clone);
            tracing_subscriber::fmt()
                .json()
                .with_max_level(Level::DEBUG)
                .with_writer(writer)
                .init();
        });
        LOG.with(Clone::clone)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Returns the lines of level info and above.
    fn text_at_info(&self) -> String {
        let text = self.text();
        text.lines()
            .filter(|line| !line.contains(r#""level":"DEBUG""#))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Returns the fields of each line with this message.
    fn lines(&self, message: &str) -> Vec<Value> {
        let text = self.text_at_info();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|line| line["fields"].clone())
            .filter(|fields| fields["message"] == message)
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_one_line_for_each_decision() {
    let log = Log::start();
    let server = Setup::magic().start().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authz", access_review("v1")).await;
    server.post("/mutate", admission_review("v1", 0)).await;

    let lines = log.lines("decided");
    let fields: Vec<_> = lines
        .iter()
        .map(|line| {
            ["plane", "policy", "verdict"].map(|field| line[field].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        fields,
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
async fn logs_the_verdict_of_monitored_policies() {
    let log = Log::start();
    let configuration = "authentication: {modules: [{module: authn.wasm, policyMode: monitor}]}\n\
                         authorization: {modules: [{module: authz.wasm, policyMode: monitor}]}";
    let modules = [
        ("authn.wasm", modules::authenticator()),
        ("authz.wasm", modules::authorizer()),
    ];
    let server = Setup::new(configuration, modules).start().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authz", access_review("v1")).await;
    for (plane, verdict) in [
        ("authentication", "authenticated"),
        ("authorization", "allowed"),
    ] {
        let lines = log.lines("monitored policy");
        let mut of_plane = lines.iter().filter(|line| line["plane"] == plane);
        let line = of_plane.next().unwrap();
        assert_eq!(line["verdict"], verdict);
        assert!(of_plane.next().is_none(), "{lines:?}");
    }
    let decided = log.lines("decided");
    let verdicts: Vec<_> = decided.iter().map(|line| &line["verdict"]).collect();
    assert_eq!(verdicts, ["unauthenticated", "no-opinion"]);
}

#[tokio::test]
async fn logs_one_line_for_each_raw_request() {
    let log = Log::start();
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
    let fields: Vec<_> = lines
        .iter()
        .map(|line| ["plane", "policy", "verdict", "uid", "status"].map(|field| &line[field]))
        .collect();
    assert_eq!(
        fields,
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
    assert_eq!(log.lines("policy failed").len(), 1);
}

#[tokio::test]
async fn logs_a_warning_for_a_failed_policy() {
    let log = Log::start();
    let modules = [("bad.wasm", modules::trapping("authz"))];
    let server = Setup::new("authorization: {modules: [{module: bad.wasm}]}", modules)
        .start()
        .await;
    server.post("/authz", access_review("v1")).await;

    let [line] = log.lines("policy failed").try_into().unwrap();
    assert_eq!(
        (&line["policy"], &line["kind"]),
        (&"bad.wasm".into(), &"trap".into())
    );
    let [line] = log.lines("decided").try_into().unwrap();
    assert_eq!(
        (&line["verdict"], &line["status"]),
        (&"failed".into(), &503.into())
    );
}

/// S7: no token, Secret or whole object in the log.
#[tokio::test]
async fn logs_a_rejected_request_without_its_body() {
    let log = Log::start();
    let server = Setup::magic().start().await;
    server.post("/authn", r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":"secret-token"}"#).await;
    let [line] = log.lines("rejected request").try_into().unwrap();
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
async fn no_log_level_contains_a_token_or_an_object() {
    let log = Log::start();
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
async fn warns_if_client_authentication_is_disabled() {
    const WARNING: &str =
        "client authentication is disabled: anyone who can reach this port can send reviews";
    let (log, authority) = (Log::start(), Authority::new());
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
