//! Decision, change and trace for people.

use std::io::Write;

use access::{admission, authn};
use host::Decision;

use super::ask::Stage;
use super::diff;
use crate::paint::Paint;
use crate::report::Failed;
use crate::trace;

/// Writes what each plane decided, and why.
pub(super) fn write(out: &mut dyn Write, paint: Paint, stages: &[Stage]) -> Result<(), Failed> {
    for (index, stage) in stages.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let verdict = stage.answered.verdict();
        writeln!(out, "{}: {}", stage.plane, trace::painted(verdict, paint))?;
        let message = stage.answered.message();
        if !message.is_empty() {
            writeln!(out, "  message: {message}")?;
        }
        if let Ok(decision) = &stage.answered.decision {
            write_decision(out, paint, stage, decision)?;
        }
        trace::write(out, &stage.answered.trace.steps)?;
        writeln!(out, "  time: {}", trace::told(stage.elapsed))?;
    }
    Ok(())
}

fn write_decision(
    out: &mut dyn Write,
    paint: Paint,
    stage: &Stage,
    decision: &Decision,
) -> Result<(), Failed> {
    match decision {
        Decision::Authentication(authn::Decision::Authenticated(identity)) => {
            write_identity(out, identity)?
        }
        Decision::Authentication(authn::Decision::Unknown) | Decision::Authorization(_) => {}
        Decision::Admission(answer) => write_answer(out, paint, stage, answer)?,
    }
    Ok(())
}

fn write_identity(out: &mut dyn Write, identity: &authn::Identity) -> std::io::Result<()> {
    let user = &identity.user;
    writeln!(out, "  user: {}", user.username)?;
    if !user.uid.is_empty() {
        writeln!(out, "  uid: {}", user.uid)?;
    }
    if !user.groups.is_empty() {
        writeln!(out, "  groups: {}", user.groups.join(", "))?;
    }
    for (key, values) in &user.extra {
        writeln!(out, "  extra: {key}: {}", values.join(", "))?;
    }
    if !identity.audiences.is_empty() {
        writeln!(out, "  audiences: {}", identity.audiences.join(", "))?;
    }
    Ok(())
}

fn write_answer(
    out: &mut dyn Write,
    paint: Paint,
    stage: &Stage,
    answer: &admission::Response,
) -> Result<(), Failed> {
    for warning in &answer.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    for (key, value) in &answer.audit_annotations {
        writeln!(out, "  audit annotation: {key}: {value}")?;
    }
    if let admission::Decision::Accept { patch: Some(patch) } = &answer.decision {
        let review = wire::admission::Review::parse(&stage.review)?;
        writeln!(out, "  change:")?;
        if let Some(before) = review.request.object {
            for line in diff::of_objects(before, &patch.object(), paint)? {
                writeln!(out, "    {line}")?;
            }
        }
    }
    Ok(())
}
