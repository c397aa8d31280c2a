//! Session files: recorded requests and responses, replayed without a cluster.
//!
//! The format is that of Kubewarden's `kwctl`: a YAML list of exchanges. Each request is YAML
//! inside a string, tagged with its kind.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::error;

use crate::error::HostCallError;
use crate::request::Request;

/// An invalid or inaccessible session file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The file cannot be created.
    #[error("cannot write the session file {}", path.display())]
    Create {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file cannot be opened or is not UTF-8.
    #[error("cannot read the session file {}", path.display())]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not a list of exchanges.
    #[error("the session file {} is not a list of exchanges", path.display())]
    Format {
        /// The path of the file.
        path: PathBuf,
        /// The cause, with its position.
        source: Box<serde_saphyr::Error>,
    },
    /// A request in the file cannot be parsed.
    #[error("cannot read request {number} of the session file {}", path.display())]
    Request {
        /// The path of the file.
        path: PathBuf,
        /// The position in the list, from 1.
        number: usize,
        /// The cause, with its position.
        source: Box<serde_saphyr::Error>,
    },
}

/// An entry of a session file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Entry {
    Exchange { request: String, response: Response },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Response {
    Success { payload: String },
    Error { message: String },
}

/// A writer of a session file. It appends each exchange at once, so that the file is valid after a
/// crash.
pub(crate) struct Recorder(Mutex<Recording>);

struct Recording {
    file: File,
    empty: bool,
}

impl Recorder {
    pub(crate) fn create(path: &Path) -> Result<Self, SessionError> {
        let create = || {
            let mut file = File::create(path)?;
            file.write_all(b"[]\n")?;
            Ok(file)
        };
        let file = create().map_err(|source| SessionError::Create {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self(Mutex::new(Recording { file, empty: true })))
    }

    /// Appends an exchange. A failure is logged and does not affect the guest.
    pub(crate) fn record(&self, request: &Request, response: &Result<Vec<u8>, HostCallError>) {
        let response = match response {
            Ok(payload) => Response::Success {
                payload: String::from_utf8_lossy(payload).into_owned(),
            },
            Err(HostCallError::Failed(message)) => Response::Error {
                message: message.clone(),
            },
            Err(error) => Response::Error {
                message: error.to_string(),
            },
        };
        let entry = to_tagged_yaml(request)
            .and_then(|request| serde_saphyr::to_string(&[Entry::Exchange { request, response }]));
        match entry {
            Ok(entry) => {
                if let Err(error) = self.0.lock().append(&entry) {
                    error!(%error, "failed to write the session file");
                }
            }
            Err(error) => error!(%error, "failed to record a host call"),
        }
    }
}

impl Recording {
    fn append(&mut self, entry: &str) -> std::io::Result<()> {
        if std::mem::take(&mut self.empty) {
            self.file.set_len(0)?;
            self.file.rewind()?;
        }
        self.file.write_all(entry.as_bytes())
    }
}

/// A session file that is being replayed.
pub(crate) struct Player(Mutex<VecDeque<(Request, Response)>>);

impl Player {
    pub(crate) fn open(path: &Path) -> Result<Self, SessionError> {
        let text = std::fs::read_to_string(path).map_err(|source| SessionError::Read {
            path: path.to_owned(),
            source,
        })?;
        // The file belongs to the user, so the limits for untrusted YAML do not apply.
        let options = serde_saphyr::options! { budget: None, with_snippet: false };
        let entries: Vec<Entry> =
            serde_saphyr::from_str_with_options(&text, options).map_err(|source| {
                SessionError::Format {
                    path: path.to_owned(),
                    source: Box::new(source),
                }
            })?;
        let exchanges = entries
            .into_iter()
            .enumerate()
            .map(|(index, Entry::Exchange { request, response })| {
                match serde_saphyr::from_str(&request) {
                    Ok(request) => Ok((request, response)),
                    Err(source) => Err(SessionError::Request {
                        path: path.to_owned(),
                        number: index + 1,
                        source: Box::new(source),
                    }),
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(Mutex::new(exchanges)))
    }

    /// Removes the next recorded exchange and returns its response if it is for this request.
    pub(crate) fn respond(&self, request: &Request) -> Result<Vec<u8>, HostCallError> {
        let mut exchanges = self.0.lock();
        // Requests of Kubewarden's own caches. This host does not make them.
        while let Some((Request::HasKubernetesListResourceAllResultChangedSinceInstant { .. }, _)) =
            exchanges.front()
        {
            exchanges.pop_front();
        }
        let Some((expected, response)) = exchanges.pop_front() else {
            let message = "the list of recorded responses is empty";
            return Err(HostCallError::Failed(message.to_owned()));
        };
        if expected != *request {
            return Err(HostCallError::Failed(format!(
                "Replay error: unexpected request. Was expecting {expected:?}, got {request:?} instead"
            )));
        }
        match response {
            Response::Success { payload } => Ok(payload.into_bytes()),
            Response::Error { message } => Err(HostCallError::Failed(message)),
        }
    }

    pub(crate) fn leftovers(&self) -> Vec<Request> {
        self.0
            .lock()
            .iter()
            .map(|(request, _)| request.clone())
            .collect()
    }
}

/// Formats a request as in session files: its kind as a YAML tag, followed by its fields.
fn to_tagged_yaml(request: &Request) -> Result<String, serde_saphyr::ser::Error> {
    use serde::ser::Error as _;
    // The usual serialization of an enum is `{kind: fields}`, which Kubewarden does not accept.
    let value = serde_json::to_value(request).map_err(serde_saphyr::ser::Error::custom)?;
    let Value::Object(kinds) = value else {
        return Err(serde_saphyr::ser::Error::custom("a request without fields"));
    };
    let mut text = String::new();
    for (kind, fields) in kinds {
        text.push_str(&format!("!{kind}\n{}", serde_saphyr::to_string(&fields)?));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
