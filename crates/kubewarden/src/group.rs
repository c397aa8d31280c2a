//! Policy groups: a boolean expression over policies, asked only as far as needed.

mod expression;

use std::time::{Duration, Instant};

pub use expression::{Expression, ExpressionError};

use crate::failure::Failure;
use crate::policy::Policy;
use crate::request::Request;
use crate::validation::{Cause, Rejection, Validation, Verdict};

/// A group of policies that is asked like one.
#[derive(Debug, Clone)]
pub struct Group {
    expression: Expression,
    message: String,
    members: Vec<Member>,
}

/// A policy of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// How the expression calls it.
    pub name: String,
    /// What it is.
    pub policy: Policy,
    /// How long it may take.
    pub timeout: Duration,
}

/// A member may say yes or no, nothing else.
const NO_MUTATION: &str = "mutation is not allowed inside of policy group";

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

    /// The policies of the group.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// Asks the members that the expression needs, from left to right.
    ///
    /// # Errors
    /// When a member that was needed has no answer.
    pub async fn validate(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Validation, Failure> {
        let mut asked = Asked::new(self, request, deadline);
        let accepted = self.expression.evaluate(&mut asked).await?;
        if accepted {
            return Ok(Validation::accept());
        }
        Ok(Validation::from(Verdict::Reject(Rejection {
            message: Some(self.message.clone()),
            code: None,
            causes: asked.causes(),
        })))
    }
}

/// The members as far as they were asked: each at most once.
pub(crate) struct Asked<'a> {
    group: &'a Group,
    request: &'a Request,
    deadline: Instant,
    answers: Vec<Option<Result<(), String>>>,
}

impl<'a> Asked<'a> {
    fn new(group: &'a Group, request: &'a Request, deadline: Instant) -> Self {
        Self {
            group,
            request,
            deadline,
            answers: vec![None; group.members.len()],
        }
    }

    /// Whether a member accepts.
    pub(crate) async fn accepts(&mut self, index: usize) -> Result<bool, Failure> {
        if let Some(Some(answer)) = self.answers.get(index) {
            return Ok(answer.is_ok());
        }
        let Some(member) = self.group.members.get(index) else {
            return Err(Failure::host("the expression calls what is no member"));
        };
        let own = Instant::now().checked_add(member.timeout);
        let deadline = own.map_or(self.deadline, |own| own.min(self.deadline));
        let validation = member.policy.validate(self.request, deadline).await?;
        let answer = match validation.verdict {
            Verdict::Accept(None) => Ok(()),
            Verdict::Accept(Some(change)) if change.changes(self.request) => {
                Err(NO_MUTATION.to_owned())
            }
            Verdict::Accept(Some(_)) => Ok(()),
            Verdict::Reject(rejection) => Err(rejection.message.unwrap_or_default()),
        };
        let accepted = answer.is_ok();
        if let Some(slot) = self.answers.get_mut(index) {
            *slot = Some(answer);
        }
        Ok(accepted)
    }

    /// What the members say that were asked and did not accept.
    fn causes(self) -> Vec<Cause> {
        let members = self.group.members.iter();
        members
            .zip(self.answers)
            .filter_map(|(member, answer)| {
                Some(Cause {
                    message: answer?.err()?,
                    field: format!("spec.policies.{}", member.name),
                })
            })
            .collect()
    }
}
