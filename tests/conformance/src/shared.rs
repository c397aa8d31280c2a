//! A cluster that stories share: a kube-apiserver takes seconds to start, a namespace milliseconds.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::directory::Directory;
use crate::objects::Resource;
use crate::programs::Programs;
use crate::running::Running;
use crate::wiring::Wiring;

/// A cluster that the first story starts, and that ends with the test binary.
#[derive(Debug)]
pub struct Shared {
    wiring: fn() -> Wiring,
    /// A failed start is not retried by other stories.
    running: OnceCell<Result<Running, String>>,
    namespaces: AtomicU32,
}

impl Shared {
    /// Creates a cluster that is not started yet, for a `static`.
    #[must_use]
    pub const fn new(wiring: fn() -> Wiring) -> Self {
        Self {
            wiring,
            running: OnceCell::const_new(),
            namespaces: AtomicU32::new(1),
        }
    }

    /// Returns the cluster with a new namespace for one story.
    ///
    /// # Panics
    /// Panics if the cluster does not start.
    pub async fn cluster(&'static self) -> Cluster<'static> {
        let running = match self.running.get_or_init(|| self.start()).await {
            Ok(running) => running,
            Err(reason) => panic!("the cluster did not start: {reason}"),
        };
        let namespace = format!("story-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        let admin = Cluster::new(running, "").admin();
        admin
            .accepts(Resource::named("namespaces").object(&namespace))
            .await;
        Cluster::new(running, &namespace)
    }

    async fn start(&self) -> Result<Running, String> {
        let start = async {
            let programs = Programs::from_environment()?;
            Running::start(&programs, Directory::temporary()?, &(self.wiring)()).await
        };
        start
            .await
            .map_err(|error: anyhow::Error| format!("{error:#}"))
    }
}
