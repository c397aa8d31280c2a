//! Throughput and latency over TLS: each endpoint beside a handler that does nothing, in turns, in one run.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use engine::{Engine, Options};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use observe::Observer;
use rustls::pki_types::ServerName;
use server::http::{self, Handler, Listener};
use server::tls::Identity;
use server::{CertificatePath, Clients, KeyPath, Server, Tls};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::peer::Peer;
use crate::policies;
use crate::stats::{median, micros, percentile};

const CONNECTIONS: [usize; 2] = [16, 1];
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// Reads the review and answers with a review of the usual size: all that is left is sockets, TLS and HTTP.
struct Nothing;

impl Handler for Nothing {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        const ANSWER: &[u8] = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true}}"#;
        let _ = request.into_body().collect().await;
        Response::new(Full::new(Bytes::from_static(ANSWER)))
    }
}

/// What is asked: where, and with which review.
struct Target {
    name: String,
    address: SocketAddr,
    path: &'static str,
    review: Bytes,
}

/// What one round found.
struct Round {
    per_second: f64,
    latencies: Vec<Duration>,
}

/// Prints a table for 16 connections and one for a single connection.
pub fn measure(rounds: usize, round: Duration, only: &str) -> anyhow::Result<()> {
    let client = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let certificates = Certificates::make()?;
    // A program of its own, as an API server is: what the server does to its address space must not stop the client.
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .arg(certificates.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut addresses = String::new();
    BufReader::new(server.stdout.take().context("the server's output")?)
        .read_line(&mut addresses)?;
    let addresses: Vec<&str> = addresses.split_whitespace().collect();
    let [webhook, kubewarden, nothing] = addresses[..] else {
        anyhow::bail!("the server did not start");
    };
    let addresses = Addresses {
        webhook: webhook.parse()?,
        kubewarden: kubewarden.parse()?,
        nothing: nothing.parse()?,
    };
    let peer = Peer::from_environment(&certificates)?;
    let targets = targets(&addresses, peer.as_ref(), only);
    let measured = client.block_on(tables(&targets, &certificates, rounds, round));
    drop(peer);
    // Without its input it ends.
    drop(server.stdin.take());
    server.wait()?;
    measured
}

/// Serves the webhooks and the handler that does nothing until stdin ends; prints their addresses.
pub fn serve(certificates: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let addresses = runtime.block_on(start(certificates))?;
    let Addresses {
        webhook,
        kubewarden,
        nothing,
    } = addresses;
    println!("{webhook} {kubewarden} {nothing}");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

async fn tables(
    targets: &[Target],
    certificates: &Certificates,
    rounds: usize,
    round: Duration,
) -> anyhow::Result<()> {
    let connector = TlsConnector::from(Arc::new(certificates.client()?));
    for connections in CONNECTIONS {
        table(targets, &connector, connections, rounds, round).await?;
    }
    Ok(())
}

/// What is measured, in turns: the no-op first, and a policy of the peer right after ours.
fn targets(addresses: &Addresses, peer: Option<&Peer>, only: &str) -> Vec<Target> {
    let mut targets = vec![Target {
        name: "no-op".to_owned(),
        address: addresses.nothing,
        path: "/",
        review: crate::reviews::configmap().into(),
    }];
    let planes = policies::planes().into_iter();
    let wanted = planes.filter(|(_, path, _)| path.contains(only));
    targets.extend(wanted.map(|(_, path, review)| Target {
        name: path.to_owned(),
        address: addresses.webhook,
        path,
        review: review.into(),
    }));
    for policy in policies::WAPC {
        if !policy.path.contains(only) {
            continue;
        }
        let at = |name: String, address| Target {
            name,
            address,
            path: policy.path,
            review: crate::reviews::configmap().into(),
        };
        targets.push(at(policy.path.to_owned(), addresses.kubewarden));
        if let Some(peer) = peer {
            targets.push(at(format!("policy-server {}", policy.path), peer.address));
        }
    }
    targets
}

/// Where the servers listen.
struct Addresses {
    webhook: SocketAddr,
    kubewarden: SocketAddr,
    nothing: SocketAddr,
}

async fn start(certificates: &Path) -> anyhow::Result<Addresses> {
    let engine = Engine::new(Options::default())?;
    let certificate = CertificatePath(certificates.join(CERTIFICATE));
    let key = KeyPath(certificates.join(KEY));
    let identity = Identity::load(&certificate, &key, &Clients::Anyone)?;
    let tls = Tls::Files {
        certificate,
        key,
        clients: Clients::Anyone,
    };
    let webhook = webhook(tls.clone(), policies::host(&engine)?).await?;
    let kubewarden = self::webhook(tls, policies::kubewarden_host(&engine)?).await?;
    let socket = TcpListener::bind(local()).await?;
    let nothing = socket.local_addr()?;
    let listener = Listener::new(socket, Some(identity), http::Limits::default());
    tokio::spawn(http::serve(listener, Nothing, std::future::pending()));
    Ok(Addresses {
        webhook,
        kubewarden,
        nothing,
    })
}

async fn webhook(tls: Tls, host: host::Host) -> anyhow::Result<SocketAddr> {
    let options = server::Options {
        listen: local(),
        admin: local(),
        ..server::Options::new(tls)
    };
    let observer = Arc::new(Observer::new(&host, None));
    let server = Server::bind(options, Arc::new(host), observer).await?;
    let address = server.local_addr();
    tokio::spawn(server.run(std::future::pending()));
    Ok(address)
}

fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn table(
    targets: &[Target],
    connector: &TlsConnector,
    connections: usize,
    rounds: usize,
    round: Duration,
) -> anyhow::Result<()> {
    println!("## Over TLS, {connections} connection(s), HTTP/1.1\n");
    println!("| Endpoint | review B | requests/s | of no-op | median µs | p99 µs |");
    println!("|---|---:|---:|---:|---:|---:|");
    let mut found: Vec<Vec<Round>> = targets.iter().map(|_| Vec::new()).collect();
    for measured in 0..=rounds {
        for (target, found) in targets.iter().zip(&mut found) {
            let result = drive(target, connector, connections, round).await?;
            // The first round warms up.
            if measured > 0 {
                found.push(result);
            }
        }
    }
    let nothing: Vec<f64> = found[0].iter().map(|round| round.per_second).collect();
    for (target, rounds) in targets.iter().zip(found) {
        let mut rates: Vec<f64> = rounds.iter().map(|round| round.per_second).collect();
        let mut ratios: Vec<f64> = rates
            .iter()
            .zip(&nothing)
            .map(|(rate, no_op)| rate / no_op)
            .collect();
        let mut latencies: Vec<Duration> = rounds
            .into_iter()
            .flat_map(|round| round.latencies)
            .collect();
        println!(
            "| `{}` | {} | {:.0} | {:.0} % | {} | {} |",
            target.name,
            target.review.len(),
            median(&mut rates),
            median(&mut ratios) * 100.0,
            micros(percentile(&mut latencies, 50)),
            micros(percentile(&mut latencies, 99)),
        );
    }
    println!();
    Ok(())
}

/// One round: every connection asks again as soon as it has its answer.
async fn drive(
    target: &Target,
    connector: &TlsConnector,
    connections: usize,
    round: Duration,
) -> anyhow::Result<Round> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..connections {
        tasks.spawn(ask_until(
            start + round,
            target.address,
            target.path,
            target.review.clone(),
            connector.clone(),
        ));
    }
    let mut latencies = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        latencies.extend(finished??);
    }
    Ok(Round {
        per_second: latencies.len() as f64 / start.elapsed().as_secs_f64(),
        latencies,
    })
}

async fn ask_until(
    end: Instant,
    address: SocketAddr,
    path: &'static str,
    review: Bytes,
    connector: TlsConnector,
) -> anyhow::Result<Vec<Duration>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = connector
        .connect(ServerName::try_from("localhost")?, stream)
        .await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let request = Request::post(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(review.clone()))?;
        let start = Instant::now();
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        latencies.push(start.elapsed());
        anyhow::ensure!(
            status == 200,
            "{path} answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
    }
    connection.abort();
    Ok(latencies)
}

/// A self-signed certificate for localhost, in files as the server wants them.
pub struct Certificates {
    folder: tempfile::TempDir,
    certificate: rcgen::Certificate,
}

impl Certificates {
    fn make() -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(CERTIFICATE), made.cert.pem())?;
        std::fs::write(folder.path().join(KEY), made.signing_key.serialize_pem())?;
        Ok(Self {
            folder,
            certificate: made.cert,
        })
    }

    /// Where certificate and key are, and where others may put files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder().join(CERTIFICATE)
    }

    pub fn key(&self) -> PathBuf {
        self.folder().join(KEY)
    }

    fn client(&self) -> anyhow::Result<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS versions")?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}
