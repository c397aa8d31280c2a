//! Fixtures of the unit tests.

use access::{Plane, Trace};
use host::{Evaluation, Reply, Subject, Verdict};

use crate::decision::Origin;
use crate::record::Record;

/// Returns a decision about a token, without steps.
pub(crate) fn record(verdict: Verdict) -> Record {
    Record {
        sequence: 1,
        time: "2026-01-01T00:00:00Z".parse().unwrap(),
        plane: Origin::Chain(Plane::Authentication),
        policy: None,
        uid: None,
        subject: Subject::default(),
        verdict,
        message: String::new(),
        patch_digest: None,
        status: Some(200),
        duration_micros: 7,
        generation: 1,
        steps: Vec::new(),
    }
}

/// Returns an evaluation of an empty chain, without a decision.
pub(crate) fn evaluation() -> Evaluation {
    Evaluation {
        uid: None,
        subject: Subject::default(),
        decision: Err(access::NoDecision::PoliciesFailed(
            "no policy was evaluated".to_owned(),
        )),
        trace: Trace::default(),
        start: std::time::Instant::now(),
        reply: Reply::Review(Vec::new()),
    }
}
