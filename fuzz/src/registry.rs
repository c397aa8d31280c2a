//! A registry on loopback that serves what an input says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use sha2::{Digest as _, Sha256};

/// What manifests and lists of signatures are served as.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that runs until the process ends.
pub struct Registry {
    /// Where it listens.
    pub address: SocketAddr,
    served: Arc<Mutex<Served>>,
}

/// What there is to be had, whatever image is asked for.
#[derive(Default)]
pub struct Served {
    /// The manifest of every image.
    pub manifest: Vec<u8>,
    /// The manifest of every tag that ends with `.sig`.
    pub signatures: Vec<u8>,
    /// Blobs by their digest.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

impl Registry {
    /// Starts to listen.
    ///
    /// # Panics
    /// When the operating system refuses a port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = Arc::<Mutex<Served>>::default();
        let shared = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&shared);
                // Clients leave as they like.
                thread::spawn(move || drop(converse(stream, &served)));
            }
        });
        Self { address, served }
    }

    /// Serves this from now on.
    pub fn serve(&self, served: Served) {
        *lock(&self.served) = served;
    }
}

impl Served {
    /// Adds a blob and tells its digest.
    pub fn add(&mut self, blob: &[u8]) -> String {
        let digest = digest_of(blob);
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

/// The digest by which a registry knows these bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// HTTP/1.1 without bodies in requests, until the client goes.
fn converse(stream: TcpStream, served: &Mutex<Served>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next());
        let answer = answer(lock(served).get(path.unwrap_or_default()), method == "HEAD");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        line.clear();
        writer.write_all(&answer)?;
    }
    Ok(())
}

fn answer(body: Option<&[u8]>, only_head: bool) -> Vec<u8> {
    let code = if body.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = body.unwrap_or(b"{}");
    let head = format!(
        "HTTP/1.1 {code}\r\ncontent-type: {MANIFEST}\r\ncontent-length: {}\r\ndocker-content-digest: {}\r\n\r\n",
        body.len(),
        digest_of(body)
    );
    let body = if only_head { b"" } else { body };
    [head.as_bytes(), body].concat()
}

fn lock(served: &Mutex<Served>) -> MutexGuard<'_, Served> {
    served.lock().unwrap_or_else(PoisonError::into_inner)
}
