//! An OCI registry on loopback that serves fuzz inputs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use sha2::{Digest as _, Sha256};

/// Media type of the manifests.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that runs until the process ends.
pub struct Registry {
    /// Address on which it listens.
    pub address: SocketAddr,
    served: Arc<Mutex<Served>>,
}

/// The content of the registry, the same for every image.
#[derive(Default)]
pub struct Served {
    /// Manifest of every image.
    pub manifest: Vec<u8>,
    /// Manifest of every tag that ends with `.sig`.
    pub signatures: Vec<u8>,
    /// Blobs by their digest.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

impl Registry {
    /// Starts the registry.
    ///
    /// # Panics
    ///
    /// Panics if there is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let served = Arc::<Mutex<Served>>::default();
        let shared = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&shared);
                // Clients may disconnect at any time.
                thread::spawn(move || drop(serve_client(stream, &served)));
            }
        });
        Self { address, served }
    }

    /// Replaces the content.
    pub fn serve(&self, served: Served) {
        *lock(&self.served) = served;
    }
}

impl Served {
    /// Adds a blob and returns its digest.
    pub fn add(&mut self, blob: &[u8]) -> String {
        let digest = sha256_digest(blob);
        self.blobs.insert(digest.clone(), blob.to_vec());
        digest
    }

    fn get(&self, path: &str) -> Option<&[u8]> {
        let last = path.rsplit('/').next()?;
        if path == "/v2/" {
            Some(b"{}")
        } else if path.contains("/manifests/") && last.ends_with(".sig") {
            Some(&self.signatures)
        } else if path.contains("/manifests/") {
            Some(&self.manifest)
        } else {
            self.blobs.get(last).map(Vec::as_slice)
        }
    }
}

/// Returns the digest of a blob as registries write it.
pub fn sha256_digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// Serves HTTP/1.1 requests without bodies until the client disconnects.
fn serve_client(stream: TcpStream, served: &Mutex<Served>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next());
        let response = response(lock(served).get(path.unwrap_or_default()), method == "HEAD");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        line.clear();
        writer.write_all(&response)?;
    }
    Ok(())
}

fn response(body: Option<&[u8]>, is_head: bool) -> Vec<u8> {
    let code = if body.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = body.unwrap_or(b"{}");
    let head = format!(
        "HTTP/1.1 {code}\r\ncontent-type: {MANIFEST}\r\ncontent-length: {}\r\ndocker-content-digest: {}\r\n\r\n",
        body.len(),
        sha256_digest(body)
    );
    let body = if is_head { b"" } else { body };
    [head.as_bytes(), body].concat()
}

fn lock(served: &Mutex<Served>) -> MutexGuard<'_, Served> {
    served.lock().unwrap_or_else(PoisonError::into_inner)
}
