//! `k8s-wasm serve`: flags, signals and reloads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::modules;
use crate::test_dir::{ACCESS, TOKEN, TestDir};

const CONFIGURATION: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {name: knows, module: knows.wasm}
authorization:
  modules:
  - {name: broken, module: traps.wasm}
lockOutGuard: {exempt: [all]}
";

/// A running server, which is killed on drop.
pub(crate) struct TestServer {
    pub(crate) child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    log: String,
}

impl TestServer {
    pub(crate) fn start(dir: &TestDir, more: &[&str]) -> Self {
        let common = [
            "serve",
            "--config",
            "policies.yaml",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ];
        let arguments: Vec<&str> = common.into_iter().chain(more.iter().copied()).collect();
        let mut command = dir.command(&arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut server = Self {
            child,
            stderr,
            log: String::new(),
        };
        server.read_log_until("\"serving\"");
        server
    }

    /// Reads the log up to a line that contains a text.
    pub(crate) fn read_log_until(&mut self, text: &str) {
        loop {
            let mut line = String::new();
            let length = self.stderr.read_line(&mut line).unwrap();
            self.log.push_str(&line);
            assert!(length > 0, "the server exited:\n{}", self.log);
            if line.contains(text) {
                return;
            }
        }
    }

    /// Returns a field of the log line with the addresses of the server.
    pub(crate) fn field(&self, name: &str) -> String {
        let (_, rest) = self.log.split_once(&format!("\"{name}\":\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn test_dir() -> TestDir {
    TestDir::new()
        .with("policies.yaml", CONFIGURATION)
        .with("knows.wasm", modules::knows())
        .with("traps.wasm", modules::traps())
}

pub(crate) fn post(address: &str, path: &str, body: &str) -> String {
    post_with(address, path, "", body)
}

/// Posts with additional headers, each with its line end.
pub(crate) fn post_with(address: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = request(path, headers, body);
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn request(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

#[test]
fn serves_until_sigterm() {
    let dir = test_dir();
    let mut server = TestServer::start(&dir, &["--insecure-plaintext"]);
    assert!(
        server.log.contains("\"policy\":\"knows\"") && server.log.contains("sha256:"),
        "{}",
        server.log
    );
    let response = post(&server.field("address"), "/authn", TOKEN);
    assert!(response.contains("magic-user"), "{response}");
    server.signal("-TERM");
    server.read_log_until("\"stopped\"");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn responds_as_run_prints() {
    let dir = test_dir();
    let server = TestServer::start(&dir, &["--insecure-plaintext"]);
    let address = server.field("address");
    for (path, review, file) in [
        ("/authn", TOKEN, "token.json"),
        ("/authz", ACCESS, "access.json"),
    ] {
        let response = post(&address, path, review);
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        let run = [
            "run",
            "--config",
            "policies.yaml",
            "-r",
            file,
            "-o",
            "review",
        ];
        let printed = String::from_utf8(dir.command(&run).output().unwrap().stdout).unwrap();
        assert_eq!(printed, format!("{body}\n"));
    }
}

#[test]
fn exits_immediately_on_a_second_signal() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: loops.wasm, timeout: 30s, debug: true}
";
    let dir = TestDir::new()
        .with("policies.yaml", configuration)
        .with("loops.wasm", modules::loops());
    let mut server = TestServer::start(&dir, &["--insecure-plaintext", "--log-level", "debug"]);
    let address = server.field("address");
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(request("/authn", "", TOKEN).as_bytes())
        .unwrap();
    server.read_log_until("\"calling module\"");
    server.signal("-TERM");
    server.read_log_until("\"stopping\"");
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(3));
}

#[test]
fn caches_compiled_code() {
    let dir = test_dir();
    drop(TestServer::start(&dir, &["--insecure-plaintext"]));
    let code = dir.path().join(".cache/k8s-wasm/code");
    assert!(code.read_dir().unwrap().count() > 0);
}

#[test]
fn creates_development_certificates() {
    let dir = test_dir();
    let mut server = TestServer::start(
        &dir,
        &[
            "--dev-certs",
            "certs",
            "--dev-cert-names",
            "wasm.example.com",
        ],
    );
    let mut stdout = BufReader::new(server.child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "development certificates: certs\n");
    for file in ["ca.crt", "ca.key", "tls.crt", "tls.key"] {
        assert!(dir.path().join("certs").join(file).exists(), "{file}");
    }
}

#[test]
fn reports_an_address_in_use() {
    let dir = test_dir();
    let first = TestServer::start(&dir, &["--insecure-plaintext"]);
    let address = first.field("address");
    let serve = [
        "serve",
        "--config",
        "policies.yaml",
        "--insecure-plaintext",
        "--listen",
        &address,
    ];
    let output = dir.command(&serve).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains(&format!("failed to listen on {address}")),
        "{stderr}"
    );
}

#[test]
fn reloads_on_sighup() {
    let dir = test_dir();
    let mut server = TestServer::start(&dir, &["--insecure-plaintext"]);
    server.signal("-HUP");
    server.read_log_until("reloaded configuration");
}
