//! Loading and asking a policy in a line.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use capabilities::{Capabilities, Grants, KubernetesResource};
use engine::{ByteSize, Engine, Limits, Module, Options};
use kubewarden::{Access, ExecutionMode, Failure, Mode, Policy, Request, Validation};
use serde_json::Value;

/// Long enough for any call that ends by itself, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A policy that `cargo xtask guests` has built.
pub fn built(name: &str) -> Module {
    module(&bytes_of(name))
}

pub fn bytes_of(name: &str) -> Vec<u8> {
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

/// A compiled module.
pub fn module(wasm: &[u8]) -> Module {
    /// All tests share one: an engine reserves a lot of address space.
    static ENGINE: LazyLock<Engine> =
        LazyLock::new(|| Engine::new(Options::default()).expect("an engine"));
    ENGINE.load(wasm).expect("a module")
}

/// What a policy is loaded with.
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
        let mode = Mode::new(module, self.mode).expect("the exports of its mode");
        let settings = serde_json::value::to_raw_value(&self.settings).expect("JSON");
        let access = Access {
            capabilities: self.capabilities,
            grants: Arc::new(Grants::new(["*"], self.resources).expect("patterns")),
        };
        Policy::new("policy", mode, Some(&settings), access, self.limits).expect("a policy")
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

pub fn soon() -> Instant {
    Instant::now() + PATIENCE
}

pub fn in_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

pub fn ask(policy: &Policy, request: &Value, deadline: Instant) -> Result<Validation, Failure> {
    let request = Request::of_file(request.to_string().as_bytes()).expect("a request");
    block_on(policy.validate(&request, deadline))
}

/// A request about nothing in particular.
pub fn any_request() -> Value {
    serde_json::json!({
        "uid": "1", "kind": {}, "resource": {}, "operation": "CREATE", "userInfo": {},
        "object": {"metadata": {"name": "web"}},
    })
}
