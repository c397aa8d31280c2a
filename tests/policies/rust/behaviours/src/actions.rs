//! The actions, one variant each.

use std::hint;
use std::process;

use kubewarden_policy_sdk::host_capabilities::{net, oci};
use kubewarden_policy_sdk::logging::KubewardenDrain;
use kubewarden_policy_sdk::wapc_guest::{HandlerResult, console_log, host_call};
use serde::Deserialize;
use serde_json::Value;
use slog::{Logger, debug, error, info, o, warn};

/// What the policy does when it is asked.
#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    #[default]
    Accept,
    Reject {
        message: Option<String>,
        code: Option<u16>,
    },
    /// Answers with this object as the mutated one.
    Mutate(Value),
    /// Rejects; the message is the request as its JSON arrived, or the settings.
    Echo,
    /// Fails the call with this text instead of an answer.
    Fail(String),
    /// Answers with this text, whatever it is.
    Answer(String),
    /// Answers with so many bytes of white space.
    LargeAnswer(usize),
    EndlessLoop,
    Panic(String),
    /// Ends the module as a WASI program would.
    Exit(i32),
    /// Takes so many bytes of memory, and accepts.
    Allocate(usize),
    /// One call; the message of the acceptance is the response, that of the rejection the error.
    HostCall(HostCall),
    /// The same call again and again, whatever comes back.
    Flood {
        call: HostCall,
        times: u64,
    },
    /// So many lines through `__console_log`.
    Print {
        line: String,
        times: u64,
    },
    /// One record of each level that the SDK has, with values.
    Log(String),
    /// The message is the digest.
    ManifestDigest(String),
    /// The message is the addresses, with commas between them.
    LookupHost(String),
}

/// A call to the host that the SDK need not know.
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

/// What the action leaves to be said.
pub enum Outcome {
    Answer(Answer),
    /// Handed to the host as they are.
    Bytes(Vec<u8>),
}

/// The part of an answer that actions decide.
#[derive(Default)]
pub struct Answer {
    pub accepted: bool,
    pub message: Option<String>,
    pub code: Option<u16>,
    pub mutated_object: Option<Value>,
}

impl Outcome {
    fn accept(message: Option<String>) -> Self {
        Self::Answer(Answer {
            accepted: true,
            message,
            ..Answer::default()
        })
    }

    fn reject(message: Option<String>, code: Option<u16>) -> Self {
        Self::Answer(Answer {
            message,
            code,
            ..Answer::default()
        })
    }
}

impl Action {
    /// Performs the action; `input` is what the policy was asked about.
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
    Outcome::Answer(Answer {
        accepted: true,
        mutated_object: Some(object),
        ..Answer::default()
    })
}

fn allocate(bytes: usize) -> String {
    // A value that the compiler cannot know, so that it does not leave the memory out.
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
