//! `k8s-wasm serve`, as far as it is not the server itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::modules;
use crate::place::{ACCESS, Place, TOKEN};

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

/// A server that is serving; killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    log: String,
}

impl Running {
    pub(crate) fn start(place: &Place, more: &[&str]) -> Self {
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
        let mut command = place.command(&arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self {
            child,
            stderr,
            log: String::new(),
        };
        running.read_log_until("\"serving\"");
        running
    }

    /// Reads the log up to a line with this text.
    pub(crate) fn read_log_until(&mut self, text: &str) {
        loop {
            let mut line = String::new();
            let length = self.stderr.read_line(&mut line).unwrap();
            self.log.push_str(&line);
            assert!(length > 0, "the server ended:\n{}", self.log);
            if line.contains(text) {
                return;
            }
        }
    }

    /// A field of the line that says where the server serves.
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

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn place() -> Place {
    Place::new()
        .with("policies.yaml", CONFIGURATION)
        .with("knows.wasm", modules::knows())
        .with("traps.wasm", modules::traps())
}

pub(crate) fn post(address: &str, path: &str, body: &str) -> String {
    post_with(address, path, "", body)
}

/// The same with further headers, each with its end of line.
pub(crate) fn post_with(address: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = request(path, headers, body);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn request(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

#[test]
fn serves_until_it_is_told_to_stop() {
    let place = place();
    let mut server = Running::start(&place, &["--insecure-plaintext"]);
    assert!(
        server.log.contains("\"policy\":\"knows\"") && server.log.contains("sha256:"),
        "{}",
        server.log
    );
    let answer = post(&server.field("address"), "/authn", TOKEN);
    assert!(answer.contains("magic-user"), "{answer}");
    server.signal("-TERM");
    server.read_log_until("\"stopped\"");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn answers_exactly_what_run_prints() {
    let place = place();
    let server = Running::start(&place, &["--insecure-plaintext"]);
    let address = server.field("address");
    for (path, review, file) in [
        ("/authn", TOKEN, "token.json"),
        ("/authz", ACCESS, "access.json"),
    ] {
        let answer = post(&address, path, review);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let run = [
            "run",
            "--config",
            "policies.yaml",
            "-r",
            file,
            "-o",
            "review",
        ];
        let printed = String::from_utf8(place.command(&run).output().unwrap().stdout).unwrap();
        assert_eq!(printed, format!("{body}\n"));
    }
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: loops.wasm, timeout: 30s, debug: true}
";
    let place = Place::new()
        .with("policies.yaml", configuration)
        .with("loops.wasm", modules::loops());
    let mut server = Running::start(&place, &["--insecure-plaintext", "--log-level", "debug"]);
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
fn keeps_compiled_code_from_one_start_to_the_next() {
    let place = place();
    drop(Running::start(&place, &["--insecure-plaintext"]));
    let code = place.path().join(".cache/k8s-wasm/code");
    assert!(code.read_dir().unwrap().count() > 0);
}

#[test]
fn makes_certificates_for_trying_things_out() {
    let place = place();
    let mut server = Running::start(
        &place,
        &["--dev-certs", "certs", "--dev-names", "wasm.example.com"],
    );
    let mut stdout = BufReader::new(server.child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "development certificates are in certs\n");
    for file in ["ca.crt", "ca.key", "tls.crt", "tls.key"] {
        assert!(place.path().join("certs").join(file).exists(), "{file}");
    }
}

#[test]
fn says_why_it_cannot_serve() {
    let place = place();
    let first = Running::start(&place, &["--insecure-plaintext"]);
    let address = first.field("address");
    let serve = [
        "serve",
        "--config",
        "policies.yaml",
        "--insecure-plaintext",
        "--listen",
        &address,
    ];
    let output = place.command(&serve).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains(&format!("failed to listen on {address}")),
        "{stderr}"
    );
}

#[test]
fn loads_on_sighup_although_no_file_has_changed() {
    let place = place();
    let mut server = Running::start(&place, &["--insecure-plaintext"]);
    server.signal("-HUP");
    server.read_log_until("changed policies are in place");
}
