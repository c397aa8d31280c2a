//! A temporary directory in which a test runs the program, and the comparison of its output.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A TokenReview.
pub(crate) const TOKEN: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"magic-token"}}"#;

/// A SubjectAccessReview of version v1beta1.
pub(crate) const ACCESS: &str = r#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview",
  "spec":{"user":"jane","group":["dev"],"resourceAttributes":{"verb":"list","version":"v1","resource":"pods"}}}"#;

/// An AdmissionReview in YAML.
pub(crate) const CONFIG_MAP: &str = "\
apiVersion: admission.k8s.io/v1
kind: AdmissionReview
request:
  uid: 705ab4f5
  kind: {group: '', version: v1, kind: ConfigMap}
  resource: {group: '', version: v1, resource: configmaps}
  namespace: default
  name: settings
  operation: CREATE
  userInfo: {username: jane}
  object:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings, namespace: default}
    data: {colour: blue, size: '1'}
";

/// A temporary directory with a review of each kind.
pub(crate) struct TestDir {
    directory: TempDir,
}

impl TestDir {
    pub(crate) fn new() -> Self {
        let dir = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        dir.with("token.json", TOKEN)
            .with("access.json", ACCESS)
            .with("configmap.yaml", CONFIG_MAP)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn with(self, file: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path().join(file), content).unwrap();
        self
    }

    /// Returns a command that runs the program in this directory, without the environment of the
    /// user.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_k8s-wasm"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path());
        command
    }

    /// Runs the program. Its output and exit code must be those in `expected/NAME.txt`.
    pub(crate) fn prints(&self, name: &str, arguments: &[&str]) {
        self.prints_given(name, arguments, "");
    }

    /// Runs the program as [`Self::prints`] does, with standard input.
    pub(crate) fn prints_given(&self, name: &str, arguments: &[&str], stdin: &str) {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        self.compare(name, &transcript(arguments, &output));
    }

    /// The content of a file must be that of `expected/NAME`.
    pub(crate) fn contains(&self, name: &str, file: &str) {
        self.compare(name, &fs::read_to_string(self.path().join(file)).unwrap());
    }

    fn compare(&self, name: &str, actual: &str) {
        let here = self.path().canonicalize().unwrap();
        let actual = hide_times(&actual.replace(here.to_str().unwrap(), "/here"));
        let file = expected_file(name);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&file, &actual).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            actual == expected,
            "{name} differs; to accept it, run again with UPDATE_EXPECTED=1\n{actual}"
        );
    }
}

fn expected_file(name: &str) -> PathBuf {
    let name = if name.contains('.') {
        name.to_owned()
    } else {
        format!("{name}.txt")
    };
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/expected")
        .join(name)
}

fn transcript(arguments: &[&str], output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut transcript = format!(
        "$ k8s-wasm {}\n{}",
        arguments.join(" "),
        text(&output.stdout)
    );
    if !output.stderr.is_empty() {
        transcript.push_str("--- stderr\n");
        transcript.push_str(&text(&output.stderr));
    }
    transcript + &format!("--- exit {}\n", output.status.code().unwrap())
}

/// Replaces durations by `T`, and microseconds in JSON by 0.
fn hide_times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.find("Micros\":") {
        Some(found) => format!(
            "{}Micros\": 0{}",
            &line[..found],
            if line.ends_with(',') { "," } else { "" }
        ),
        None => hide_durations(line),
    });
    lines.map(|line| line + "\n").collect()
}

/// Replaces a number and a unit by `T`, and removes the blanks before them, which depend on their
/// width.
fn hide_durations(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split(' ') {
        let after_number = words
            .last()
            .is_some_and(|number| number.parse::<f64>().is_ok());
        match word {
            "us" | "ms" | "s" if after_number => {
                words.pop();
                while words.last() == Some(&"") {
                    words.pop();
                }
                words.push("T");
            }
            _ => words.push(word),
        }
    }
    words.join(" ")
}
