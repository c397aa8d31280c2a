//! A namespace of a cluster, as one story uses it, and its callers.

use std::thread;

use crate::caller::Caller;
use crate::http::{Credentials, Endpoint};
use crate::running::Running;

/// A namespace of a running cluster. Prints the ends of the programs' logs when the story panics.
#[derive(Debug)]
pub struct Cluster<'a> {
    running: &'a Running,
    namespace: String,
}

impl<'a> Cluster<'a> {
    /// Creates a view of an existing namespace.
    #[must_use]
    pub fn new(running: &'a Running, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        Self { running, namespace }
    }

    /// Returns the namespace of the callers.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the programs of the cluster.
    #[must_use]
    pub fn running(&self) -> &'a Running {
        self.running
    }

    /// Returns the same namespace for another task of the story.
    #[must_use]
    pub fn in_same_namespace(&self) -> Self {
        Self::new(self.running, &self.namespace)
    }

    /// Returns a member of `system:masters`, whom the API server authorizes without policies.
    #[must_use]
    pub fn admin(&self) -> Caller {
        self.as_user("admin", "system:masters")
    }

    /// Returns the bearer of a token.
    ///
    /// # Panics
    /// Panics if no client can be created.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Caller {
        let endpoint = self
            .running
            .apiserver
            .with(Credentials::Token(token.to_owned()));
        self.caller(format!("the bearer of `{token}`"), endpoint)
    }

    /// Returns a caller without credentials.
    ///
    /// # Panics
    /// Panics if no client can be created.
    #[must_use]
    pub fn without_credentials(&self) -> Caller {
        self.caller(
            "an anonymous caller".to_owned(),
            self.running.apiserver.with(Credentials::Anonymous),
        )
    }

    /// Returns a user with a client certificate, whom the API server authenticates without
    /// policies.
    ///
    /// # Panics
    /// Panics if no client can be created.
    #[must_use]
    pub fn as_user(&self, user: &str, group: &str) -> Caller {
        self.caller(
            format!("`{user}` of `{group}`"),
            self.running.apiserver.as_user(user, group),
        )
    }

    fn caller(&self, name: String, endpoint: anyhow::Result<Endpoint>) -> Caller {
        let client = endpoint.and_then(|endpoint| endpoint.client());
        Caller::new(name, client.unwrap(), self.namespace.clone())
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let logs = self.running.logs();
            print(&logs);
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the test runner captures standard error and shows it for a failed test"
)]
fn print(logs: &str) {
    eprintln!("{logs}");
}
