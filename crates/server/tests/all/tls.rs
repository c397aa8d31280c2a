//! Tests of TLS: protocols, client certificates, and files that cannot be used.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use hyper::StatusCode;
use observe::Observer;
use rcgen::CertificateParams;
use server::{BindError, CaPath, CertificatePath, Clients, KeyPath, Options, Server, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Client, client_config, connect, tcp, tls};
use crate::pki::{Authority, Folder, Pair};
use crate::reviews::token_review;
use crate::running::{self, Setup, soon};

#[tokio::test]
async fn serves_http1_and_http2() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut http1 = Client::tls_http1(server.address, &authority, None).await;
    assert_eq!(
        http1.post("/authn", token_review("v1")).await.status,
        StatusCode::OK
    );
    let mut http2 = Client::tls_http2(server.address, &authority, None).await;
    assert_eq!(
        http2.post("/authn", token_review("v1")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn serves_http1_to_clients_without_alpn() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut stream = connect(server.address, client_config(&authority, None))
        .await
        .unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut response = String::new();
    let _ = soon(stream.read_to_string(&mut response)).await;
    assert!(
        response.starts_with("HTTP/1.0 404 ") || response.starts_with("HTTP/1.1 404 "),
        "{response}"
    );
}

/// S1: TLS 1.2 or newer; plaintext on loopback alone.
#[tokio::test]
async fn accepts_tls_1_2() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut config = client_config(&authority, None);
    config.enable_early_data = false;
    let provider = config.crypto_provider().clone();
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(
        Pair {
            certificate: authority.certificate.clone(),
            key: String::new(),
        }
        .chain(),
    );
    let old = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = connect(server.address, old).await.unwrap();
    assert_eq!(
        stream.get_ref().1.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_2)
    );
}

/// A ClientHello of TLS 1.1.
const CLIENT_HELLO_1_1: &[u8] = &[
    0x16, 0x03, 0x01, 0x00, 0x2d, // handshake record
    0x01, 0x00, 0x00, 0x29, // ClientHello
    0x03, 0x02, // TLS 1.1
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 0x00, // no session
    0x00, 0x02, 0xc0, 0x13, // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
    0x01, 0x00, // no compression
];

/// S1: TLS 1.2 or newer; plaintext on loopback alone.
#[tokio::test]
async fn rejects_tls_1_1() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut stream = tcp(server.address).await;
    stream.write_all(CLIENT_HELLO_1_1).await.unwrap();
    let mut response = Vec::new();
    let _ = soon(stream.read_to_end(&mut response)).await;
    // An alert record, fatal.
    assert_eq!(
        (response.first(), response.get(5)),
        (Some(&0x15), Some(&2)),
        "{response:?}"
    );
}

/// S2: clients are authenticated, and a server warns when they are not.
#[tokio::test]
async fn allows_clients_with_an_allowed_name() {
    let authority = Authority::new();
    let server = Setup::magic()
        .tls_for_clients(&authority, &["kube-apiserver", "other.example.com"])
        .start()
        .await;
    let by_common_name = authority.issue("kube-apiserver", &[], |_| {});
    let by_dns_name = authority.issue("other", &["x.example.com", "other.example.com"], |_| {});
    for pair in [by_common_name, by_dns_name] {
        let mut client = Client::tls_http1(server.address, &authority, Some(&pair)).await;
        assert_eq!(
            client.post("/authn", token_review("v1")).await.status,
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn allows_every_client_of_the_authority_without_allowed_names() {
    let authority = Authority::new();
    let server = Setup::magic()
        .tls_for_clients(&authority, &[])
        .start()
        .await;
    let pair = authority.issue("any-client", &[], |_| {});
    let mut client = Client::tls_http2(server.address, &authority, Some(&pair)).await;
    assert_eq!(
        client.post("/authn", token_review("v1")).await.status,
        StatusCode::OK
    );
}

/// S2: clients are authenticated, and a server warns when they are not.
#[tokio::test]
async fn responds_with_403_to_other_names() {
    let authority = Authority::new();
    let server = Setup::magic()
        .tls_for_clients(&authority, &["kube-apiserver"])
        .start()
        .await;
    let pair = authority.issue("kube-apiserver2", &["kube-apiserver.example.com"], |_| {});
    let mut client = Client::tls_http1(server.address, &authority, Some(&pair)).await;
    client
        .post("/authn", token_review("v1"))
        .await
        .is_failure(403, "Forbidden");
    let mut client = Client::tls_http2(server.address, &authority, Some(&pair)).await;
    client
        .post("/authn", token_review("v1"))
        .await
        .is_failure(403, "Forbidden");
}

/// S2: clients are authenticated, and a server warns when they are not.
#[tokio::test]
async fn rejects_clients_without_a_certificate_of_the_authority() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Setup::magic()
        .tls_for_clients(&authority, &[])
        .start()
        .await;
    let foreign = stranger.issue("kube-apiserver", &[], |_| {});
    for own in [None, Some(&foreign)] {
        let mut stream = tls(server.address, &authority, own, b"http/1.1")
            .await
            .unwrap();
        let mut response = Vec::new();
        soon(stream.read_to_end(&mut response)).await.unwrap_err();
        assert!(response.is_empty());
    }
}

/// S1: TLS 1.2 or newer; plaintext on loopback alone.
#[tokio::test]
async fn rejects_plaintext_beyond_loopback() {
    let mut options = Options::new(Tls::Plaintext);
    options.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let error = bind(options).await.unwrap_err();
    let text = "plaintext is only served on a loopback address such as 127.0.0.1, not on 0.0.0.0:0";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn names_the_address_that_is_in_use() {
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut options = Options::new(Tls::Plaintext);
    options.listen = taken.local_addr().unwrap();
    let text = format!("failed to listen on {}", options.listen);
    assert_eq!(bind(options).await.unwrap_err().to_string(), text);
}

async fn bind(options: Options) -> Result<Server, BindError> {
    let folder = Folder::new();
    let host = running::host(&folder, "", &[]);
    let observer = Arc::new(Observer::new(&host, None));
    Server::bind(options, host, observer).await
}

/// Checks the error chain of a server with these files, without the directory.
async fn check_error(
    folder: &Folder,
    certificate: PathBuf,
    key: PathBuf,
    ca: Option<PathBuf>,
    expected: &str,
) {
    let clients = match ca {
        Some(ca) => Clients::Verified {
            ca: CaPath(ca),
            allowed_names: Vec::new(),
        },
        None => Clients::Anyone,
    };
    let tls = Tls::Files {
        certificate: CertificatePath(certificate),
        key: KeyPath(key),
        clients,
    };
    let error = bind(Options::new(tls)).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let text = text.replace(&folder.path().display().to_string(), "");
    let expected = format!("failed to set up TLS: failed to use `{expected}");
    assert!(text.starts_with(&expected), "{text}\n{expected}");
}

#[tokio::test]
async fn names_the_file_and_the_cause() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let (pair, other) = (authority.server(), authority.server());
    let expired = authority.issue("old", &["localhost"], |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let certificate = folder.write("a.crt", &pair.certificate);
    let key = folder.write("a.key", &pair.key);
    let other_key = folder.write("b.key", &other.key);
    let damaged = folder.write("damaged", pair.certificate.replace("MII", "M!I"));
    let text = folder.write("text", "hello");
    let old = folder.write("old.crt", &expired.certificate);
    let missing = folder.path().join("missing");

    let cases = [
        (
            &missing,
            &key,
            None,
            "/missing`: failed to read the file: No such file",
        ),
        (&damaged, &key, None, "/damaged`: the file is not PEM: "),
        (
            &text,
            &key,
            None,
            "/text`: the file contains no certificate: ",
        ),
        (
            &key,
            &certificate,
            None,
            "/a.key`: the file contains no certificate: ",
        ),
        (
            &certificate,
            &text,
            None,
            "/text`: the file contains no private key: ",
        ),
        (&old, &key, None, "/old.crt`: the certificate expired on "),
        (
            &certificate,
            &other_key,
            None,
            "/b.key`: the key does not belong to the certificate in `/a.crt`",
        ),
        (
            &certificate,
            &key,
            Some(&text),
            "/text`: the file contains no certificate: ",
        ),
    ];
    for (certificate, key, ca, expected) in cases {
        let (certificate, key) = (certificate.clone(), key.clone());
        check_error(&folder, certificate, key, ca.cloned(), expected).await;
    }
}
