//! The cost of a call on one thread: in the engine alone, and as a whole in `Host::evaluate`.

use std::future::Future;
use std::time::{Duration, Instant};

use engine::{Engine, Limits, Options};
use host::{EvaluationRequest, Host};

use crate::policies;
use crate::stats::{micros, percentile};

/// A module that returns at once, to measure the cost of an instance with limits.
const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "validate")))"#;

const DEADLINE: Duration = Duration::from_secs(1);

/// Measures calls, and prints a table with one line per kind of call.
pub fn measure(rounds: usize, round: Duration) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let engine = Engine::new(Options::default())?;
    let host = policies::host(&engine)?;
    println!("## The cost of a call\n");
    println!("| Call | median µs | p99 µs | min µs | calls |");
    println!("|---|---:|---:|---:|---:|");
    runtime.block_on(async {
        let empty = engine.load(&wat::parse_str(EMPTY)?)?.entry("validate")?;
        let limits = Limits::default();
        line("empty module, `Entry::call`", rounds, round, async || {
            empty
                .call(Vec::new(), &limits, Instant::now() + DEADLINE)
                .await
                .is_ok()
        })
        .await?;
        for (plane, _, review) in policies::planes() {
            let (module, export) = export_of(plane);
            let entry = engine
                .load(&std::fs::read(policies::module(module)?)?)?
                .entry(export)?;
            let input = wire::envelope::input(&review, None);
            line(
                &format!("`{module}`, `Entry::call`"),
                rounds,
                round,
                async || {
                    entry
                        .call(input.clone(), &limits, Instant::now() + DEADLINE)
                        .await
                        .is_ok()
                },
            )
            .await?;
            line(
                &format!("`{module}`, `Host::evaluate`"),
                rounds,
                round,
                async || has_decision(&host, request(plane, None, &review)).await,
            )
            .await?;
        }
        let kubewarden = policies::kubewarden_host(&engine)?;
        let review = crate::reviews::configmap();
        for policy in policies::WAPC {
            let name = format!("Kubewarden `{}`, `Host::evaluate`", policy.name);
            let request = || request(access::Plane::Validation, Some(policy.name), &review);
            line(&name, rounds, round, async || {
                has_decision(&kubewarden, request()).await
            })
            .await?;
        }
        anyhow::Ok(())
    })?;
    println!();
    Ok(())
}

fn request<'a>(
    plane: access::Plane,
    policy: Option<&'a str>,
    review: &'a [u8],
) -> EvaluationRequest<'a> {
    EvaluationRequest {
        plane,
        policy,
        review,
        already_evaluated: &[],
        deadline: Instant::now() + DEADLINE,
    }
}

async fn has_decision(host: &Host, request: EvaluationRequest<'_>) -> bool {
    host.evaluate(request)
        .await
        .is_ok_and(|evaluation| evaluation.decision.is_ok())
}

fn export_of(plane: access::Plane) -> (&'static str, &'static str) {
    match plane {
        access::Plane::Authentication => ("magic_authenticator", "authn"),
        access::Plane::Authorization => ("magic_authorizer", "authz"),
        access::Plane::Validation => ("magic_validator", "validate"),
        access::Plane::Mutation => ("magic_mutator", "mutate"),
    }
}

async fn line<F>(
    name: &str,
    rounds: usize,
    round: Duration,
    mut call: impl FnMut() -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = bool>,
{
    let mut times = Vec::new();
    for measured in 0..=rounds {
        let end = Instant::now() + round;
        while Instant::now() < end {
            let start = Instant::now();
            anyhow::ensure!(
                call().await,
                "a call of {name} failed, so its time is meaningless"
            );
            // The first round is a warm-up.
            if measured > 0 {
                times.push(start.elapsed());
            }
        }
    }
    let (median, p99, min) = (
        percentile(&mut times, 50),
        percentile(&mut times, 99),
        percentile(&mut times, 0),
    );
    println!(
        "| {name} | {} | {} | {} | {} |",
        micros(median),
        micros(p99),
        micros(min),
        times.len()
    );
    Ok(())
}
