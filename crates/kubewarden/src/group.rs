//! Policy groups: boolean expressions over policies, evaluated as far as needed.

mod expression;

use std::time::{Duration, Instant};

pub use expression::{Expression, ExpressionError};

use crate::failure::Failure;
use crate::policy::Policy;
use crate::request::Request;
use crate::validation::{Cause, Rejection, Validation, Verdict};

/// The cause of a rejection by a member that mutates. Source: Kubewarden, whose members may accept
/// or reject only.
const NO_MUTATION: &str = "mutation is not allowed inside of policy group";

/// A group of policies with one verdict.
#[derive(Debug, Clone)]
pub struct Group {
    expression: Expression,
    message: String,
    members: Vec<Member>,
}

/// A policy of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// The name in the expression.
    pub name: String,
    /// The policy.
    pub policy: Policy,
    /// The timeout of the policy's call.
    pub timeout: Duration,
}

impl Group {
    /// Creates a group. `message` is the message of rejections; the messages of the members become
    /// its causes.
    ///
    /// The expression was parsed with the names of the members in the same order.
    pub fn new(expression: Expression, message: String, members: Vec<Member>) -> Self {
        Self {
            expression,
            message,
            members,
        }
    }

    /// Returns the policies of the group.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// Evaluates the members that the expression needs, from left to right, each at most once.
    ///
    /// # Errors
    /// The [`Failure`] of a member that the expression needs.
    pub async fn validate(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Validation, Failure> {
        let mut verdicts = Verdicts {
            group: self,
            request,
            deadline,
            verdicts: vec![None; self.members.len()],
        };
        let accepted = self.expression.evaluate(&mut verdicts).await?;
        if accepted {
            return Ok(Validation::accept());
        }
        Ok(Validation::from(Verdict::Reject(Rejection {
            message: Some(self.message.clone()),
            code: None,
            causes: verdicts.into_causes(),
        })))
    }
}

/// The verdicts of the members that were evaluated: accepted, or the message of the rejection.
struct Verdicts<'a> {
    group: &'a Group,
    request: &'a Request,
    deadline: Instant,
    verdicts: Vec<Option<Result<(), String>>>,
}

impl expression::Members for Verdicts<'_> {
    async fn accepts(&mut self, index: usize) -> Result<bool, Failure> {
        if let Some(Some(verdict)) = self.verdicts.get(index) {
            return Ok(verdict.is_ok());
        }
        let Some(member) = self.group.members.get(index) else {
            return Err(Failure::internal(
                "the expression of the group calls a member that does not exist",
            ));
        };
        let timeout = Instant::now().checked_add(member.timeout);
        let deadline = timeout.map_or(self.deadline, |timeout| timeout.min(self.deadline));
        let validation = member.policy.validate(self.request, deadline).await?;
        let verdict = match validation.verdict {
            Verdict::Accept(Some(change)) if change.changes(self.request) => {
                Err(NO_MUTATION.to_owned())
            }
            Verdict::Accept(_) => Ok(()),
            Verdict::Reject(rejection) => Err(rejection.message.unwrap_or_default()),
        };
        let accepted = verdict.is_ok();
        if let Some(slot) = self.verdicts.get_mut(index) {
            *slot = Some(verdict);
        }
        Ok(accepted)
    }
}

impl Verdicts<'_> {
    /// Returns a cause for each member that was evaluated and rejected the request.
    fn into_causes(self) -> Vec<Cause> {
        let members = self.group.members.iter();
        members
            .zip(self.verdicts)
            .filter_map(|(member, verdict)| {
                Some(Cause {
                    message: verdict?.err()?,
                    field: format!("spec.policies.{}", member.name),
                })
            })
            .collect()
    }
}
