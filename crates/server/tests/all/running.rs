//! A server that runs for one test.

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

/// A server on ports of its own.
pub struct Running {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub handle: Handle,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
    _folder: Folder,
}

/// What a server is to be like.
pub struct Setup {
    folder: Folder,
    options: Options,
    configuration: String,
    modules: Vec<(&'static str, Vec<u8>)>,
}

impl Setup {
    /// Plaintext, with one policy per plane that says yes.
    pub fn magic() -> Self {
        Self::new(MAGIC, magic())
    }

    /// Plaintext, with these policies.
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

    /// TLS with a certificate of this authority, for every client.
    pub fn tls(self, authority: &Authority) -> Self {
        self.tls_for(authority, Clients::Anyone)
    }

    /// TLS for clients with a certificate of the same authority; without names all of them.
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
        let server = Server::bind(self.options, host, observer)
            .await
            .expect("bound");
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
    /// One request in a plaintext connection of its own.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        Client::plain(self.address).await.post(path, body).await
    }

    /// Tells the server to stop; the future tells how that went.
    pub fn stop(self) -> impl Future<Output = Drained> {
        let _ = self.stop.send(());
        let (ended, folder) = (self.ended, self._folder);
        async move {
            let drained = soon(ended).await.expect("no panic");
            drop(folder);
            drained
        }
    }
}

/// A host with these policies.
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
    let configuration =
        Configuration::load(&[Source::file(Format::Configuration, file)]).expect("a configuration");
    let engine = Engine::new(configuration.engine.clone()).expect("an engine");
    Arc::new(Host::load(&configuration, &FileModules, &engine).expect("loaded"))
}

/// One policy per plane that says yes.
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

/// Long enough for a busy machine, short enough to notice a hang.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Fails the test instead of hanging.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("in time")
}
