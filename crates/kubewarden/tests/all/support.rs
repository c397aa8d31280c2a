//! Helpers that load and evaluate a policy, with a session of host calls instead of a cluster.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use capabilities::{Capabilities, Grants, KubernetesResource};
use engine::{ByteSize, Engine, Limits, Module, Options};
use kubewarden::{Access, ExecutionMode, Failure, Mode, Policy, Request, Validation};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A timeout for calls that end by themselves, on any machine.
const TIMEOUT: Duration = Duration::from_secs(60);

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Loads a policy that `cargo xtask guests` has built.
pub fn built(name: &str) -> Module {
    module(&built_bytes(name))
}

pub fn built_bytes(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("K8S_WASM_GUESTS")
        .map_or_else(|| root().join("target/guests"), PathBuf::from);
    let file = folder.join("policies").join(name).with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo xtask guests` builds it",
            file.display()
        )
    })
}

/// Compiles a module.
pub fn module(wasm: &[u8]) -> Module {
    /// Shared by all tests, because an engine reserves much address space.
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(Options::default()).unwrap());
    ENGINE
        .load_with_aliases(wasm, kubewarden::IMPORT_ALIASES)
        .unwrap()
}

/// The configuration of a policy.
pub struct Setup {
    pub mode: ExecutionMode,
    pub settings: Value,
    pub capabilities: Capabilities,
    pub resources: Vec<KubernetesResource>,
    pub limits: Limits,
}

impl Setup {
    pub fn new(mode: ExecutionMode) -> Self {
        Self {
            mode,
            settings: Value::Null,
            capabilities: Capabilities::none(),
            resources: Vec::new(),
            limits: Limits {
                memory: ByteSize::mib(64),
                ..Limits::default()
            },
        }
    }

    pub fn load(self, module: &Module) -> Policy {
        let mode = Mode::new(module, self.mode).unwrap();
        let settings = serde_json::value::to_raw_value(&self.settings).unwrap();
        let access = Access {
            capabilities: self.capabilities,
            grants: Arc::new(Grants::new(["*"], self.resources).unwrap()),
        };
        Policy::new("policy", mode, Some(&settings), access, self.limits).unwrap()
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

pub fn generous_deadline() -> Instant {
    Instant::now() + TIMEOUT
}

pub fn deadline_in_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

pub fn validate(
    policy: &Policy,
    request: &Value,
    deadline: Instant,
) -> Result<Validation, Failure> {
    let request = Request::from_file(request.to_string().as_bytes()).unwrap();
    block_on(policy.validate(&request, deadline))
}

/// Returns a minimal valid request.
pub fn any_request() -> Value {
    json!({
        "uid": "1", "kind": {}, "resource": {}, "operation": "CREATE", "userInfo": {},
        "object": {"metadata": {"name": "web"}},
    })
}

/// A session that is replayed while this value exists.
pub struct Session {
    pub capabilities: Capabilities,
    _file: NamedTempFile,
}

/// One exchange: the tag of the request, its fields, and the payload or the error.
pub type Exchange = (&'static str, Value, Result<String, String>);

impl Session {
    pub fn new(exchanges: &[Exchange]) -> Self {
        let entries: Vec<Value> = exchanges
            .iter()
            .map(|(tag, fields, response)| {
                // JSON is YAML, so only the tag has to be added.
                json!({
                    "type": "Exchange",
                    "request": format!("!{tag} {fields}"),
                    "response": match response {
                        Ok(payload) => json!({"type": "Success", "payload": payload}),
                        Err(message) => json!({"type": "Error", "message": message}),
                    },
                })
            })
            .collect();
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{}", Value::from(entries)).unwrap();
        Self {
            capabilities: Capabilities::replaying(file.path()).unwrap(),
            _file: file,
        }
    }

    /// Asserts that all recorded requests were made.
    #[track_caller]
    pub fn assert_complete(&self, context: &str) {
        let leftovers = self.capabilities.leftovers();
        assert!(leftovers.is_empty(), "{context}: {leftovers:?}");
    }
}
