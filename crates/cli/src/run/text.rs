//! Decision, patch and trace as text.

use std::io::{self, Write};

use access::{admission, authn};
use host::Decision;

use super::diff;
use super::stages::Stage;
use crate::outcome::CommandError;
use crate::terminal::{Styles, format_duration};
use crate::trace;

/// Writes the decision and the trace of each stage.
pub(super) fn write(
    out: &mut dyn Write,
    styles: Styles,
    stages: &[Stage],
) -> Result<(), CommandError> {
    for (index, stage) in stages.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let evaluation = &stage.evaluation;
        let verdict = trace::styled_verdict(evaluation.verdict(), styles);
        writeln!(out, "{}: {verdict}", stage.plane)?;
        let message = evaluation.message();
        if !message.is_empty() {
            writeln!(out, "  message: {message}")?;
        }
        match &evaluation.decision {
            Ok(Decision::Authentication(authn::Decision::Authenticated(identity))) => {
                write_identity(out, identity)?;
            }
            Ok(Decision::Admission(answer)) => write_admission(out, styles, stage, answer)?,
            Ok(Decision::Authentication(authn::Decision::Unknown) | Decision::Authorization(_))
            | Err(_) => {}
        }
        trace::write(out, &evaluation.trace.steps)?;
        writeln!(out, "  duration: {}", format_duration(stage.elapsed))?;
    }
    Ok(())
}

fn write_identity(out: &mut dyn Write, identity: &authn::Identity) -> io::Result<()> {
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

fn write_admission(
    out: &mut dyn Write,
    styles: Styles,
    stage: &Stage,
    response: &admission::Response,
) -> Result<(), CommandError> {
    for warning in &response.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    for (key, value) in &response.audit_annotations {
        writeln!(out, "  audit annotation: {key}: {value}")?;
    }
    if let admission::Decision::Accept { patch: Some(patch) } = &response.decision {
        let review = wire::admission::Review::parse(&stage.review)?;
        writeln!(out, "  patch:")?;
        if let Some(before) = review.request.object {
            for line in diff::diff_objects(before, &patch.object(), styles)? {
                writeln!(out, "    {line}")?;
            }
        }
    }
    Ok(())
}
