//! A server for one test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::Engine;
use host::config::{Format, Source};
use host::{Configuration, FileModules, Host};
use observe::Observer;
use server::http::Drained;
use server::{CaPath, CertificatePath, Clients, Handle, KeyPath, Options, Server, Tls};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Client, Reply};
use crate::modules;
use crate::pki::{Authority, Folder};

/// A running server, on ports that the operating system assigned.
pub struct Running {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub handle: Handle,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
    _folder: Folder,
}

/// The setup of a server.
pub struct Setup {
    folder: Folder,
    options: Options,
    configuration: String,
    modules: Vec<(&'static str, Vec<u8>)>,
}

impl Setup {
    /// Returns a plaintext server with one policy for each plane, which allows everything.
    pub fn magic() -> Self {
        Self::new(MAGIC, magic())
    }

    /// Returns a plaintext server with these policies.
    pub fn new(
        configuration: &str,
        modules: impl IntoIterator<Item = (&'static str, Vec<u8>)>,
    ) -> Self {
        let mut options = Options::new(Tls::Plaintext);
        options.listen.set_port(0);
        options.admin.set_port(0);
        let modules = modules.into_iter().collect();
        Self {
            folder: Folder::new(),
            options,
            configuration: configuration.to_owned(),
            modules,
        }
    }

    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Adds TLS with a certificate of this authority, for all clients.
    pub fn tls(self, authority: &Authority) -> Self {
        self.tls_for(authority, Clients::Anyone)
    }

    /// Adds TLS for clients with a certificate of this authority and one of these names, or any
    /// name if there are none.
    pub fn tls_for_clients(self, authority: &Authority, names: &[&str]) -> Self {
        let ca = CaPath(self.folder.write("ca.crt", &authority.certificate));
        let allowed_names = names.iter().map(|&name| name.to_owned()).collect();
        self.tls_for(authority, Clients::Verified { ca, allowed_names })
    }

    fn tls_for(mut self, authority: &Authority, clients: Clients) -> Self {
        let pair = authority.server();
        self.options.tls = Tls::Files {
            certificate: CertificatePath(self.folder.write("tls.crt", pair.certificate)),
            key: KeyPath(self.folder.write("tls.key", pair.key)),
            clients,
        };
        self
    }

    pub async fn start(self) -> Running {
        let host = host(&self.folder, &self.configuration, &self.modules);
        let observer = Arc::new(Observer::new(&host, None));
        let server = Server::bind(self.options, host, observer).await.unwrap();
        let (address, admin, handle) = (server.local_addr(), server.admin_addr(), server.handle());
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Running {
            address,
            admin,
            handle,
            stop,
            ended,
            _folder: self.folder,
        }
    }
}

impl Running {
    /// Sends a request over a new plaintext connection.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        Client::plain(self.address).await.post(path, body).await
    }

    /// Starts the shutdown. The future returns its result.
    pub fn stop(self) -> impl Future<Output = Drained> {
        let _ = self.stop.send(());
        let (ended, folder) = (self.ended, self._folder);
        async move {
            let drained = soon(ended).await.unwrap();
            drop(folder);
            drained
        }
    }
}

/// Loads a host with these policies.
pub fn host(
    folder: &Folder,
    configuration: &str,
    modules: &[(&'static str, Vec<u8>)],
) -> Arc<Host> {
    for (name, wasm) in modules {
        folder.write(name, wasm);
    }
    let header = "apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n";
    let file = folder.write("config.yaml", format!("{header}{configuration}"));
    let configuration = Configuration::load(&[Source::file(Format::Configuration, file)]).unwrap();
    let engine = Engine::new(configuration.engine.clone()).unwrap();
    Arc::new(Host::load(&configuration, &FileModules, &engine).unwrap())
}

/// One policy for each plane, which allows everything.
const MAGIC: &str = r#"
authentication: {modules: [{module: authn.wasm}]}
authorization: {modules: [{module: authz.wasm}]}
admission:
  modules:
  - {module: mutate.wasm, mutating: true, rules: [&all {operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"]}]}
  - {module: validate.wasm, rules: [*all]}
"#;

/// The modules of [`MAGIC`].
fn magic() -> [(&'static str, Vec<u8>); 4] {
    [
        ("authn.wasm", modules::authenticator()),
        ("authz.wasm", modules::authorizer()),
        ("mutate.wasm", modules::mutator()),
        ("validate.wasm", modules::accepting()),
    ]
}

/// Timeout of a test step: long enough for a slow machine.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(20);

/// Awaits a future, and panics after [`STEP_TIMEOUT`].
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(STEP_TIMEOUT, future).await.unwrap()
}
