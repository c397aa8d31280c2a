//! A directory of its own to run the program in, and the comparison of what it printed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A TokenReview.
pub(crate) const TOKEN: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"magic-token"}}"#;

/// A SubjectAccessReview of the older version.
pub(crate) const ACCESS: &str = r#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview",
  "spec":{"user":"jane","group":["dev"],"resourceAttributes":{"verb":"list","version":"v1","resource":"pods"}}}"#;

/// An AdmissionReview, as YAML.
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

/// A directory to run the program in.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        place
            .with("token.json", TOKEN)
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

    /// The program with these arguments, in this directory and without the user's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_k8s-wasm"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path());
        command
    }

    /// Runs the program; what it printed and its exit code must be as in `expected/NAME.txt`.
    pub(crate) fn prints(&self, name: &str, arguments: &[&str]) {
        self.prints_given(name, arguments, "");
    }

    /// The same, with something on standard input.
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

    /// What a file holds must be as in `expected/NAME`.
    pub(crate) fn holds(&self, name: &str, file: &str) {
        self.compare(name, &fs::read_to_string(self.path().join(file)).unwrap());
    }

    fn compare(&self, name: &str, actual: &str) {
        let here = self.path().canonicalize().unwrap();
        let actual = without_times(&actual.replace(here.to_str().unwrap(), "/here"));
        let file = expected(name);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&file, &actual).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            actual == expected,
            "{name} is not as expected; when it is meant so, run again with UPDATE_EXPECTED=1\n{actual}"
        );
    }
}

fn expected(name: &str) -> PathBuf {
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

/// The text with every duration as `T`, and every `Micros` of JSON as 0.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.find("Micros\":") {
        Some(found) => format!(
            "{}Micros\": 0{}",
            &line[..found],
            if line.ends_with(',') { "," } else { "" }
        ),
        None => without_durations(line),
    });
    lines.map(|line| line + "\n").collect()
}

/// A number and a unit become `T`, and the blank space before them, which depends on their width, is gone.
fn without_durations(line: &str) -> String {
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
