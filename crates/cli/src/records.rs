//! Decision records, from a running server or from a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use observe::Record;
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::outcome::{CommandError, Exit, ResultExt};
use crate::runtime;

/// Time limit of a request. The server responds from memory.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Upper bound of a response, in bytes. A server keeps 4 MiB of decisions.
const MAX_RESPONSE: usize = 64 << 20;

/// The source of decision records.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct SourceArgs {
    /// Admin address of the server (its `--admin-listen`)
    #[arg(long, value_name = "ADDRESS", default_value_t = server::DEFAULT_ADMIN_LISTEN.to_string())]
    admin_address: String,

    /// Decision log or saved response of /decisions to read instead of querying a server; `-` reads
    /// standard input
    #[arg(long, short, value_name = "FILE|-", conflicts_with = "admin_address")]
    file: Option<PathBuf>,
}

/// The response of `/decisions`.
#[derive(Debug, Deserialize)]
pub(crate) struct Decisions {
    /// Sequence number of the newest decision. It restarts with the server.
    pub(crate) newest: u64,
    /// Oldest first.
    pub(crate) decisions: Vec<Record>,
}

/// The last matching records, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub(crate) records: VecDeque<Record>,
    /// Number of records that were examined.
    pub(crate) examined: usize,
}

impl SourceArgs {
    /// Returns the last `limit` records that match.
    pub(crate) fn find_last(
        &self,
        limit: usize,
        matches: impl Fn(&Record) -> bool,
    ) -> Result<Matches, CommandError> {
        let mut found = Matches::default();
        let mut examine = |record: Record| {
            found.examined += 1;
            if matches(&record) {
                found.records.push_back(record);
                let excess = found.records.len().saturating_sub(limit);
                found.records.drain(..excess);
            }
        };
        match &self.file {
            None => {
                let decisions = AdminClient::new(&self.admin_address)?.decisions_after(0)?;
                decisions.decisions.into_iter().for_each(&mut examine);
            }
            Some(file) => read_records(file, examine)?,
        }
        Ok(found)
    }
}

/// Reads records from a decision log or a saved response of `/decisions`, line by line, as a log
/// may be large. Invalid lines are counted and logged.
fn read_records(file: &Path, mut examine: impl FnMut(Record)) -> Result<(), CommandError> {
    let mut invalid = 0;
    for line in Lines::open(file)? {
        let (_, line) = line?;
        if let Ok(record) = serde_json::from_str(&line) {
            examine(record);
        } else if let Ok(Decisions { decisions, .. }) = serde_json::from_str(&line) {
            decisions.into_iter().for_each(&mut examine);
        } else {
            invalid += 1;
        }
    }
    if invalid > 0 {
        tracing::warn!("ignored {invalid} invalid lines of `{}`", file.display());
    }
    Ok(())
}

/// The lines of a file or of standard input that are not blank, with their numbers.
pub(crate) struct Lines {
    lines: Box<dyn Iterator<Item = (usize, io::Result<String>)>>,
    file: PathBuf,
}

impl Lines {
    pub(crate) fn open(file: &Path) -> Result<Self, CommandError> {
        let reader: Box<dyn BufRead> = if file.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let opened = File::open(file).with_context(|| failed_to_read(file))?;
            Box::new(BufReader::new(opened))
        };
        Ok(Self {
            lines: Box::new((1..).zip(reader.lines())),
            file: file.to_owned(),
        })
    }
}

impl Iterator for Lines {
    type Item = Result<(usize, String), CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, line) = self.lines.next()?;
            match line.with_context(|| failed_to_read(&self.file)) {
                Ok(line) if line.trim().is_empty() => {}
                line => return Some(line.map(|line| (number, line)).map_err(CommandError::from)),
            }
        }
    }
}

fn failed_to_read(file: &Path) -> String {
    format!("failed to read `{}`", file.display())
}

/// A client of the admin port of a server.
#[derive(Debug)]
pub(crate) struct AdminClient {
    address: String,
    client: Client,
    runtime: Runtime,
}

impl AdminClient {
    pub(crate) fn new(address: &str) -> Result<Self, CommandError> {
        let runtime = runtime::current_thread()?;
        // The client requires a TLS provider although the admin port is plain HTTP. An error means
        // that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .context("failed to create the HTTP client")
            .with_exit(Exit::Failure)?;
        Ok(Self {
            address: address.to_owned(),
            client,
            runtime,
        })
    }

    /// Returns the decisions whose sequence number is greater than `after`.
    pub(crate) fn decisions_after(&self, after: u64) -> Result<Decisions, CommandError> {
        let url = format!("http://{}/decisions?after={after}", self.address);
        let body = self
            .runtime
            .block_on(self.get(&url))
            .with_context(|| format!("failed to query the server at {}", self.address))
            .with_exit(Exit::Failure)
            .with_hint(
                "`--admin-address` is the `--admin-listen` of the server; for a pod, use `kubectl port-forward`",
            )?;
        let decisions = serde_json::from_slice(&body)
            .with_context(|| format!("unexpected response from {}", self.address))?;
        Ok(decisions)
    }

    async fn get(&self, url: &str) -> anyhow::Result<Vec<u8>> {
        let response = self.client.get(url).send().await;
        let mut response = response.map_err(reqwest::Error::without_url)?;
        if !response.status().is_success() {
            bail!("the server responded with {}", response.status());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_RESPONSE {
                bail!("the response is larger than {MAX_RESPONSE} bytes");
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
