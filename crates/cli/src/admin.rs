//! The last decisions of a running server, from its admin port or from what somebody saved.

use std::fs;
use std::io::{self, Read};
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
use tokio::net::TcpStream;

use crate::report::{Failed, OrFailed};

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

impl Origin {
    /// All decisions that are there, oldest first.
    pub(crate) fn decisions(&self) -> Result<Vec<Record>, Failed> {
        let Some(file) = &self.file else {
            return fetch(&self.admin, 0);
        };
        let text = read(file)?;
        if text.trim_start().starts_with('[') {
            return serde_json::from_str(&text)
                .with_context(|| format!("`{}` is no list of decisions", file.display()))
                .map_err(Failed::from);
        }
        lines(&text)
            .map(|(number, line)| {
                serde_json::from_str(line).with_context(|| {
                    format!("line {number} of `{}` is no decision", file.display())
                })
            })
            .collect::<Result<_, _>>()
            .map_err(Failed::from)
    }
}

/// A file, or standard input.
pub(crate) fn read(file: &Path) -> Result<String, Failed> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        io::stdin().read_to_string(&mut text).map(drop)
    } else {
        fs::read_to_string(file).map(|found| text = found)
    };
    read.with_context(|| format!("failed to read `{}`", file.display()))?;
    Ok(text)
}

/// The lines with something in them, with their numbers.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
}

/// The decisions of a server whose number is greater than `after`.
pub(crate) fn fetch(admin: &str, after: u64) -> Result<Vec<Record>, Failed> {
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
