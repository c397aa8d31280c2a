//! A cluster as one story sees it: its own namespace, and the callers in it.

use std::thread;

use crate::caller::Caller;
use crate::http::{Credentials, Endpoint};
use crate::running::Running;

/// A running cluster and a namespace in it. When the story panics, the ends of the programs' logs are printed.
#[derive(Debug)]
pub struct Cluster<'a> {
    running: &'a Running,
    namespace: String,
}

impl<'a> Cluster<'a> {
    pub(crate) fn new(running: &'a Running, namespace: String) -> Self {
        Self { running, namespace }
    }

    /// The namespace that its callers work in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The programs.
    #[must_use]
    pub fn running(&self) -> &'a Running {
        self.running
    }

    /// The same again, for another task of the story.
    #[must_use]
    pub fn in_same_namespace(&self) -> Self {
        Self::new(self.running, self.namespace.clone())
    }

    /// A member of `system:masters`, whom no authorizer is asked about.
    #[must_use]
    pub fn admin(&self) -> Caller {
        self.as_user("admin", "system:masters")
    }

    /// The bearer of a token.
    ///
    /// # Panics
    /// No client can be made.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Caller {
        let endpoint = self
            .running
            .apiserver
            .with(Credentials::Token(token.to_owned()));
        self.caller(format!("the bearer of `{token}`"), endpoint)
    }

    /// Somebody without credentials.
    ///
    /// # Panics
    /// No client can be made.
    #[must_use]
    pub fn without_credentials(&self) -> Caller {
        self.caller(
            "nobody".to_owned(),
            self.running.apiserver.with(Credentials::Anonymous),
        )
    }

    /// A user with a client certificate: the authenticating policies are not asked about one.
    ///
    /// # Panics
    /// No client can be made.
    #[must_use]
    pub fn as_user(&self, user: &str, group: &str) -> Caller {
        self.caller(
            format!("`{user}` of `{group}`"),
            self.running.apiserver.as_user(user, group),
        )
    }

    fn caller(&self, name: String, endpoint: anyhow::Result<Endpoint>) -> Caller {
        let client = endpoint.and_then(|endpoint| endpoint.client());
        Caller::new(
            name,
            client.expect("the harness makes credentials that can be used"),
            self.namespace.clone(),
        )
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let logs = self.running.logs();
            show(&logs);
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "where the test runner shows what a failed test has to say"
)]
fn show(logs: &str) {
    eprintln!("{logs}");
}
