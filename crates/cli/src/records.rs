//! The last decisions of a running server, from its admin port or from what somebody saved.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use observe::Record;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::outcome::{Failed, OrFailed};

/// Where decisions are read from.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Origin {
    /// The server's `--admin-listen`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) admin: String,

    /// Read a decision log, or what /decisions answered, instead of asking a server; `-` is standard input
    #[arg(long, short, value_name = "FILE|-", conflicts_with = "admin")]
    file: Option<PathBuf>,
}

/// Long for an answer out of memory.
const TIMEOUT: Duration = Duration::from_secs(10);

/// More than a server keeps, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// What /decisions answers.
#[derive(Debug, Deserialize)]
pub(crate) struct Decisions {
    /// The number of the newest decision; it starts anew when the server does.
    pub(crate) newest: u64,
    /// Oldest first.
    pub(crate) decisions: Vec<Record>,
}

impl Origin {
    /// The last decisions that fit, oldest first, and how many were looked at.
    pub(crate) fn last(
        &self,
        count: usize,
        fits: impl Fn(&Record) -> bool,
    ) -> Result<(VecDeque<Record>, usize), Failed> {
        let (mut last, mut looked_at) = (VecDeque::new(), 0);
        let mut look = |record: Record| {
            looked_at += 1;
            if fits(&record) {
                last.push_back(record);
                last.drain(..last.len().saturating_sub(count));
            }
        };
        match &self.file {
            None => fetch(&self.admin, 0)?
                .decisions
                .into_iter()
                .for_each(&mut look),
            Some(file) => read_records(file, look)?,
        }
        Ok((last, looked_at))
    }
}

/// The decisions in a file, which is what /decisions answers or a decision log. A log may be large and have damaged lines.
fn read_records(file: &Path, mut look: impl FnMut(Record)) -> Result<(), Failed> {
    let mut damaged = 0;
    for line in Lines::open(file)? {
        let (_, line) = line?;
        if let Ok(record) = serde_json::from_str(&line) {
            look(record);
        } else if let Ok(Decisions { decisions, .. }) = serde_json::from_str(&line) {
            decisions.into_iter().for_each(&mut look);
        } else {
            damaged += 1;
        }
    }
    if damaged > 0 {
        tracing::warn!("{damaged} lines of `{}` are no decisions", file.display());
    }
    Ok(())
}

/// The lines of a file or of standard input with something in them, with their numbers.
pub(crate) struct Lines {
    lines: Box<dyn Iterator<Item = (usize, io::Result<String>)>>,
    file: PathBuf,
}

impl Lines {
    pub(crate) fn open(file: &Path) -> Result<Self, Failed> {
        let reader: Box<dyn BufRead> = if file.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let opened = File::open(file);
            Box::new(BufReader::new(opened.with_context(|| unreadable(file))?))
        };
        Ok(Self {
            lines: Box::new((1..).zip(reader.lines())),
            file: file.to_owned(),
        })
    }
}

impl Iterator for Lines {
    type Item = Result<(usize, String), Failed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, line) = self.lines.next()?;
            match line.with_context(|| unreadable(&self.file)) {
                Ok(line) if line.trim().is_empty() => {}
                line => return Some(line.map(|line| (number, line)).map_err(Failed::from)),
            }
        }
    }
}

fn unreadable(file: &Path) -> String {
    format!("failed to read `{}`", file.display())
}

/// The decisions of a server whose number is greater than `after`.
pub(crate) fn fetch(admin: &str, after: u64) -> Result<Decisions, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")
        .environment()?;
    let fetched = runtime.block_on(async {
        tokio::time::timeout(TIMEOUT, get(admin, &format!("/decisions?after={after}")))
            .await
            .unwrap_or_else(|_| Err(anyhow!("it does not answer")))
    });
    let body = fetched
        .with_context(|| format!("failed to ask the server at {admin}"))
        .environment()
        .map_err(|failed| failed.with_hint(
            "`--admin` is what the server was started with as `--admin-listen`; in a pod: `kubectl port-forward`",
        ))?;
    let decisions = serde_json::from_slice(&body)
        .with_context(|| format!("what {admin} answers are no decisions"))?;
    Ok(decisions)
}

async fn get(address: &str, path: &str) -> anyhow::Result<Bytes> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(HOST, address)
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        if !status.is_success() {
            bail!("it answers {status}");
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        Ok(body.map_err(|error| anyhow!(error))?.to_bytes())
    };
    tokio::select! {
        answer = exchange => answer,
        ended = connection => {
            ended?;
            bail!("it closed the connection")
        }
    }
}
