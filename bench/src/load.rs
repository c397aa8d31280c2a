//! Throughput and latency over TLS: each endpoint compared with a handler that does nothing.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
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

use crate::certificates::{Certificates, certificate_path, key_path};
use crate::policies;
use crate::policy_server::PolicyServer;
use crate::stats::{median, micros, percentile};

/// The numbers of connections, each measured in a table of its own.
const CONNECTIONS: [usize; 2] = [16, 1];

/// A handler that reads the review and returns a constant one of the usual size. It measures the
/// cost of sockets, TLS and HTTP alone.
struct NoopHandler;

impl Handler for NoopHandler {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        const RESPONSE: &[u8] = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true}}"#;
        let _ = request.into_body().collect().await;
        Response::new(Full::new(Bytes::from_static(RESPONSE)))
    }
}

/// An endpoint under measurement, and the review that it receives.
struct Target {
    name: String,
    address: SocketAddr,
    path: &'static str,
    review: Bytes,
}

/// The results of one round.
struct Round {
    requests_per_second: f64,
    latencies: Vec<Duration>,
}

/// Measures all endpoints, and prints a table for each number of connections.
pub fn measure(rounds: usize, round: Duration, only: &str) -> anyhow::Result<()> {
    let client = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let certificates = Certificates::new()?;
    // In a separate process: changes of its address space must not stall the client.
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .arg(certificates.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut addresses = String::new();
    BufReader::new(server.stdout.take().context("the server has no output")?)
        .read_line(&mut addresses)?;
    let addresses: Vec<&str> = addresses.split_whitespace().collect();
    let [webhook, kubewarden, no_op] = addresses[..] else {
        anyhow::bail!("the server did not start");
    };
    let addresses = Addresses {
        webhook: webhook.parse()?,
        kubewarden: kubewarden.parse()?,
        no_op: no_op.parse()?,
    };
    let policy_server = PolicyServer::from_environment(&certificates)?;
    let targets = targets(&addresses, policy_server.as_ref(), only);
    let measured = client.block_on(tables(&targets, &certificates, rounds, round));
    drop(policy_server);
    // The server exits when its standard input closes.
    drop(server.stdin.take());
    server.wait()?;
    measured
}

/// Prints the addresses of the webhooks and of the no-op, and serves them until stdin ends.
pub fn serve(certificates: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let addresses = runtime.block_on(start(certificates))?;
    let Addresses {
        webhook,
        kubewarden,
        no_op,
    } = addresses;
    println!("{webhook} {kubewarden} {no_op}");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

async fn tables(
    targets: &[Target],
    certificates: &Certificates,
    rounds: usize,
    round: Duration,
) -> anyhow::Result<()> {
    let connector = TlsConnector::from(Arc::new(certificates.client_config()?));
    for connections in CONNECTIONS {
        table(targets, &connector, connections, rounds, round).await?;
    }
    Ok(())
}

/// Lists the endpoints: the no-op first, and each policy in policy-server directly after ours.
fn targets(addresses: &Addresses, policy_server: Option<&PolicyServer>, only: &str) -> Vec<Target> {
    let mut targets = vec![Target {
        name: "no-op".to_owned(),
        address: addresses.no_op,
        path: "/",
        review: crate::reviews::configmap().into(),
    }];
    let planes = policies::planes().into_iter();
    let selected = planes.filter(|(_, path, _)| path.contains(only));
    targets.extend(selected.map(|(_, path, review)| Target {
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
        if let Some(server) = policy_server {
            targets.push(at(format!("policy-server {}", policy.path), server.address));
        }
    }
    targets
}

/// The addresses of the servers.
struct Addresses {
    webhook: SocketAddr,
    kubewarden: SocketAddr,
    no_op: SocketAddr,
}

async fn start(certificates: &Path) -> anyhow::Result<Addresses> {
    let engine = Engine::new(Options::default())?;
    let certificate = CertificatePath(certificate_path(certificates));
    let key = KeyPath(key_path(certificates));
    let identity = Identity::load(&certificate, &key, &Clients::Anyone)?;
    let tls = Tls::Files {
        certificate,
        key,
        clients: Clients::Anyone,
    };
    let webhook = webhook(tls.clone(), policies::host(&engine)?).await?;
    let kubewarden = self::webhook(tls, policies::kubewarden_host(&engine)?).await?;
    let socket = TcpListener::bind(local()).await?;
    let no_op = socket.local_addr()?;
    let listener = Listener::new(socket, Some(identity), http::Limits::default());
    tokio::spawn(http::serve(listener, NoopHandler, std::future::pending()));
    Ok(Addresses {
        webhook,
        kubewarden,
        no_op,
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
    let mut results: Vec<Vec<Round>> = targets.iter().map(|_| Vec::new()).collect();
    for measured in 0..=rounds {
        for (target, rounds) in targets.iter().zip(&mut results) {
            let round = run_round(target, connector, connections, round).await?;
            // The first round is a warm-up.
            if measured > 0 {
                rounds.push(round);
            }
        }
    }
    let no_op: Vec<f64> = results[0]
        .iter()
        .map(|round| round.requests_per_second)
        .collect();
    for (target, rounds) in targets.iter().zip(results) {
        let mut rates: Vec<f64> = rounds
            .iter()
            .map(|round| round.requests_per_second)
            .collect();
        let mut ratios: Vec<f64> = rates
            .iter()
            .zip(&no_op)
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

/// Runs one round, in which every connection sends a request as soon as it has the last response.
async fn run_round(
    target: &Target,
    connector: &TlsConnector,
    connections: usize,
    round: Duration,
) -> anyhow::Result<Round> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..connections {
        tasks.spawn(send_until(
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
        requests_per_second: latencies.len() as f64 / start.elapsed().as_secs_f64(),
        latencies,
    })
}

async fn send_until(
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
            "{path} responded {status}: {}",
            String::from_utf8_lossy(&body)
        );
    }
    connection.abort();
    Ok(latencies)
}
