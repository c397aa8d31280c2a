//! The actions of the policy.

use std::hint;
use std::process;

use kubewarden_policy_sdk::host_capabilities::{net, oci};
use kubewarden_policy_sdk::logging::KubewardenDrain;
use kubewarden_policy_sdk::wapc_guest::{HandlerResult, console_log, host_call};
use serde::Deserialize;
use serde_json::Value;
use slog::{Logger, debug, error, info, o, warn};

/// An action of the policy.
#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    #[default]
    Accept,
    Reject {
        message: Option<String>,
        code: Option<u16>,
    },
    /// Accepts with this mutated object.
    Mutate(Value),
    /// Rejects. The message is the JSON of the request, or of the settings.
    Echo,
    /// Fails the call with this error.
    Fail(String),
    /// Responds with this text, which may be invalid.
    Answer(String),
    /// Responds with this number of bytes of white space.
    LargeAnswer(usize),
    EndlessLoop,
    Panic(String),
    /// Exits like a WASI program.
    Exit(i32),
    /// Allocates this number of bytes, and accepts.
    Allocate(usize),
    /// Makes one host call. Accepts with the response as the message, or rejects with the error.
    HostCall(HostCall),
    /// Repeats a host call and ignores the responses.
    Flood {
        call: HostCall,
        times: u64,
    },
    /// Writes a line this many times through `__console_log`.
    Print {
        line: String,
        times: u64,
    },
    /// Logs one record at each level of the SDK, with values.
    Log(String),
    /// Accepts with the digest of the image as the message.
    ManifestDigest(String),
    /// Accepts with the addresses of the host as the message, separated by commas.
    LookupHost(String),
}

/// A host call, which may be unknown to the SDK.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostCall {
    #[serde(default = "kubewarden")]
    binding: String,
    namespace: String,
    operation: String,
    payload: Value,
}

fn kubewarden() -> String {
    "kubewarden".to_owned()
}

/// The outcome of an action.
pub enum Outcome {
    Response(Response),
    /// A response that is passed to the host unchanged.
    Bytes(Vec<u8>),
}

/// The response of the policy.
#[derive(Default)]
pub struct Response {
    pub accepted: bool,
    pub message: Option<String>,
    pub code: Option<u16>,
    pub mutated_object: Option<Value>,
}

impl Outcome {
    fn accept(message: Option<String>) -> Self {
        Self::Response(Response {
            accepted: true,
            message,
            ..Response::default()
        })
    }

    fn reject(message: Option<String>, code: Option<u16>) -> Self {
        Self::Response(Response {
            message,
            code,
            ..Response::default()
        })
    }
}

impl Action {
    /// Performs the action. `input` is the request, or the settings.
    pub fn perform(self, input: &str) -> HandlerResult<Outcome> {
        let message = match self {
            Self::Reject { message, code } => return Ok(Outcome::reject(message, code)),
            Self::Echo => return Ok(Outcome::reject(Some(input.to_owned()), None)),
            Self::Mutate(object) => return Ok(mutate(object)),
            Self::Fail(text) => return Err(text.into()),
            Self::Answer(text) => return Ok(Outcome::Bytes(text.into_bytes())),
            Self::LargeAnswer(bytes) => return Ok(Outcome::Bytes(vec![b' '; bytes])),
            Self::EndlessLoop => loop {
                hint::spin_loop();
            },
            Self::Panic(text) => panic!("{text}"),
            Self::Exit(status) => process::exit(status),
            Self::HostCall(call) => return call.report(),
            Self::Accept => None,
            Self::Allocate(bytes) => Some(allocate(bytes)),
            Self::Flood { call, times } => Some(call.flood(times)?),
            Self::Print { line, times } => {
                (0..times).for_each(|_| console_log(&line));
                None
            }
            Self::Log(text) => {
                log(&text);
                None
            }
            Self::ManifestDigest(image) => Some(oci::get_manifest_digest(&image)?.digest),
            Self::LookupHost(host) => Some(net::lookup_host(&host)?.ips.join(",")),
        };
        Ok(Outcome::accept(message))
    }
}

fn mutate(object: Value) -> Outcome {
    Outcome::Response(Response {
        accepted: true,
        mutated_object: Some(object),
        ..Response::default()
    })
}

fn allocate(bytes: usize) -> String {
    // Prevents the compiler from optimizing the allocation away.
    let memory = hint::black_box(vec![1_u8; bytes]);
    format!("allocated {} bytes", memory.len())
}

impl HostCall {
    fn send(&self, payload: &[u8]) -> HandlerResult<Vec<u8>> {
        host_call(&self.binding, &self.namespace, &self.operation, payload)
    }

    fn report(&self) -> HandlerResult<Outcome> {
        Ok(match self.send(&serde_json::to_vec(&self.payload)?) {
            Ok(response) => Outcome::accept(Some(String::from_utf8(response)?)),
            Err(error) => Outcome::reject(Some(error.to_string()), None),
        })
    }

    fn flood(&self, times: u64) -> HandlerResult<String> {
        let payload = serde_json::to_vec(&self.payload)?;
        let answered = (0..times).filter(|_| self.send(&payload).is_ok()).count();
        Ok(format!("{answered} of {times} calls were answered"))
    }
}

fn log(text: &str) {
    let logger = Logger::root(KubewardenDrain::new(), o!("policy" => "behaviours"));
    debug!(logger, "{text}"; "number" => 1);
    info!(logger, "{text}"; "number" => 2);
    warn!(logger, "{text}"; "number" => 3);
    error!(logger, "{text}"; "number" => 4);
}
