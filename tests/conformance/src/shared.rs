//! One cluster for many stories: a kube-apiserver takes seconds to start, a namespace takes none.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::directory::Directory;
use crate::objects::Resource;
use crate::programs::Programs;
use crate::running::Running;
use crate::wiring::Wiring;

/// A cluster that is started by the first story that needs it, and ends with the test binary.
#[derive(Debug)]
pub struct Shared {
    wiring: fn() -> Wiring,
    /// A start that failed is not tried again for every story.
    running: OnceCell<Result<Running, String>>,
    namespaces: AtomicU32,
}

impl Shared {
    /// For a `static`.
    #[must_use]
    pub const fn new(wiring: fn() -> Wiring) -> Self {
        Self {
            wiring,
            running: OnceCell::const_new(),
            namespaces: AtomicU32::new(1),
        }
    }

    /// The cluster, with a fresh namespace for one story.
    ///
    /// # Panics
    /// The cluster does not start.
    pub async fn cluster(&'static self) -> Cluster<'static> {
        let running = match self.running.get_or_init(|| self.start()).await {
            Ok(running) => running,
            Err(reason) => panic!("the cluster did not start: {reason}"),
        };
        let namespace = format!("story-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        let admin = running.in_namespace("").admin();
        admin
            .accepts(Resource::named("namespaces").object(&namespace))
            .await;
        running.in_namespace(&namespace)
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
