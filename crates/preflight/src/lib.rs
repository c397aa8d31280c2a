//! The lock-out guard: before a policy set serves, it is evaluated on essential operations of a
//! cluster, such as the renewal of a node lease. A set that blocks one of them is rejected.
//!
//! kube-apiserver can be configured to send fewer reviews to policies (`k8s-wasm manifests` does
//! that). The guard does not rely on it: a policy that it rejects would lock the cluster out as
//! soon as such a condition is lost.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod corpus;
mod guard;
mod patience;
mod report;

use std::time::{Duration, Instant};

use config::{Configuration, EssentialOperation};
use host::Host;
use host::live::{Gate, GateError};

pub use report::{BlockedOperation, Cause, LockedOut};

/// The time after which no further probe starts. Enough for policies that take half a second for
/// each probe, which no cluster would bear.
const TIME: Duration = Duration::from_mins(1);

/// The lock-out guard as a [`Gate`] of [`host::Live`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LockOutGuard;

impl Gate for LockOutGuard {
    fn check(&self, configuration: &Configuration, host: &Host) -> Result<(), GateError> {
        let passed = check(configuration, host).map_err(|locked_out| {
            let is_transient = locked_out.is_transient();
            GateError::new(locked_out, is_transient)
        })?;
        if passed.skipped > 0 {
            tracing::warn!(
                skipped = passed.skipped,
                "lock-out guard ran out of time: the policies are slow"
            );
        }
        Ok(())
    }
}

/// The result of a check that a policy set has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// The number of probes that the policies were evaluated on.
    pub probes: usize,
    /// The number of probes that were skipped because time ran out.
    pub skipped: usize,
}

/// Evaluates a policy set on all essential operations that the configuration does not exempt.
/// Blocks for up to two minutes.
///
/// An authorizer blocks an operation if it denies it, or if it fails and no other authorizer
/// decides. No opinion leaves the decision to other authorizers, such as RBAC. An admission policy
/// blocks an operation if it rejects it, or if it fails and its failure policy is `Fail`.
/// Validating policies are evaluated on the object as mutated. Monitored policies are not
/// evaluated, since their verdicts have no effect.
///
/// ```
/// use config::{Configuration, Format, Source};
/// use engine::{Engine, Options};
/// use host::{FileModules, Host};
///
/// let text = "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration, lockOutGuard: {exempt: [coredns]}}";
/// let source = Source::text(Format::Configuration, "policies.yaml", text.into());
/// let configuration = Configuration::load(&[source])?;
/// let host = Host::load(&configuration, &FileModules, &Engine::new(Options::default())?)?;
///
/// // Without policies, nothing is blocked.
/// let passed = preflight::check(&configuration, &host)?;
/// assert_eq!(passed.skipped, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The blocked operations, each with the policy and its reason.
pub fn check(configuration: &Configuration, host: &Host) -> Result<Passed, LockedOut> {
    check_within(configuration, host, TIME)
}

fn check_within(
    configuration: &Configuration,
    host: &Host,
    time: Duration,
) -> Result<Passed, LockedOut> {
    let exemptions = &configuration.exemptions;
    let probes =
        corpus::probes(|operation: EssentialOperation| !exemptions.contains(operation.name));
    let now = Instant::now();
    let deadline = now.checked_add(time).unwrap_or(now);
    let guard = guard::Guard::new(configuration, host, deadline);
    let results = host::wait_for(guard.run(&probes)).unwrap_or_else(|error| guard::Results {
        blocked: guard::skipped(&probes, &error.to_string()),
        skipped: probes.len(),
    });
    match LockedOut::new(results.blocked) {
        Some(locked_out) => Err(locked_out),
        None => Ok(Passed {
            probes: probes.len().saturating_sub(results.skipped),
            skipped: results.skipped,
        }),
    }
}

#[cfg(test)]
mod tests;
