//! Session files: what policies asked and what they were told, to be told again without a cluster.
//!
//! The format is that of Kubewarden's `kwctl`: a YAML list of exchanges, in which the request is YAML in a text, tagged
//! with its kind.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::error;

use crate::{Refused, Request};

/// A session file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The file cannot be made.
    #[error("cannot write the session file {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be opened or is not text.
    #[error("cannot read the session file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a list of exchanges.
    #[error("the session file {} is not a list of exchanges", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<serde_saphyr::Error>,
    },
    /// A request in the file is unknown.
    #[error("cannot read request {number} of the session file {}", path.display())]
    Request {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        /// Where and why.
        source: Box<serde_saphyr::Error>,
    },
}

/// An entry of the list.
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

/// Writes a session, exchange by exchange, so that what a crash leaves behind can be read.
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

    /// Adds an exchange. The guest gets its answer even if that fails.
    pub(crate) fn record(&self, request: &Request, answer: &Result<Vec<u8>, Refused>) {
        let response = match answer {
            Ok(payload) => Response::Success {
                payload: String::from_utf8_lossy(payload).into_owned(),
            },
            Err(Refused::Failed(message)) => Response::Error {
                message: message.clone(),
            },
            Err(refused) => Response::Error {
                message: refused.to_string(),
            },
        };
        let written = written(request)
            .and_then(|request| serde_saphyr::to_string(&[Entry::Exchange { request, response }]));
        match written {
            Ok(entry) => {
                let mut recording = lock(&self.0);
                if let Err(error) = recording.append(&entry) {
                    error!(%error, "cannot write the session file");
                }
            }
            Err(error) => error!(%error, "cannot record a host call"),
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

/// Tells a session again.
pub(crate) struct Player(Mutex<VecDeque<(Request, Response)>>);

impl Player {
    pub(crate) fn open(path: &Path) -> Result<Self, SessionError> {
        let text = std::fs::read_to_string(path).map_err(|source| SessionError::Read {
            path: path.to_owned(),
            source,
        })?;
        // A file of the user's own, hence without the limits that are meant for strangers' YAML.
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

    /// What was recorded next, if it answers this request; it is used up in any case.
    pub(crate) fn answer(&self, request: &Request) -> Result<Vec<u8>, Refused> {
        let mut exchanges = lock(&self.0);
        // The peer's caches ask this question of their own; nobody asks it here.
        while let Some((Request::HasKubernetesListResourceAllResultChangedSinceInstant { .. }, _)) =
            exchanges.front()
        {
            exchanges.pop_front();
        }
        let Some((expected, response)) = exchanges.pop_front() else {
            let message = "the list of recorded responses is empty";
            return Err(Refused::Failed(message.to_owned()));
        };
        if expected != *request {
            return Err(Refused::Failed(format!(
                "Replay error: unexpected request. Was expecting {expected:?}, got {request:?} instead"
            )));
        }
        match response {
            Response::Success { payload } => Ok(payload.into_bytes()),
            Response::Error { message } => Err(Refused::Failed(message)),
        }
    }

    pub(crate) fn leftovers(&self) -> Vec<Request> {
        let exchanges = lock(&self.0);
        exchanges
            .iter()
            .map(|(request, _)| request.clone())
            .collect()
    }
}

/// A request as sessions hold it: its kind as a YAML tag, and below it the fields.
fn written(request: &Request) -> Result<String, serde_saphyr::ser::Error> {
    use serde::ser::Error as _;
    // Serialised like every enum it is `{kind: fields}`, which the peer does not read.
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
