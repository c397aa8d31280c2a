//! Expressions of policy groups: `a() && (b() || !c())`.
//!
//! The language is the common subset of Kubewarden's two evaluators: calls of members without
//! arguments, `true`, `false`, `!`, `==`, `!=`, `&&`, `||` and parentheses. Operators bind in this
//! order.

use std::future::Future;
use std::pin::Pin;

use crate::failure::Failure;

/// Bytes of an expression; enough for several hundred members.
const MAX_LENGTH: usize = 4 << 10;
/// Nesting levels of an expression.
const MAX_DEPTH: usize = 64;

/// A parsed expression over the members of a group.
///
/// ```
/// use kubewarden::Expression;
///
/// let members = ["signed", "trusted"];
/// assert!(Expression::parse("signed() || !trusted()", &members).is_ok());
/// let error = Expression::parse("signed() && other()", &members).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`other` is not a member of the group; its members are signed, trusted",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Constant(bool),
    /// The verdict of a member, by its index.
    Call(usize),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    /// Equality, or with `false` inequality.
    Equal(Box<Node>, Box<Node>, bool),
}

/// An invalid expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// The expression does not parse.
    #[error("at character {at}: expected {expected}")]
    Expected {
        /// The position, from 1.
        at: usize,
        /// The expected token.
        expected: &'static str,
    },
    /// The expression calls a name that is not a member.
    #[error("`{name}` is not a member of the group; its members are {}", .members.join(", "))]
    Unknown {
        /// The name in the expression.
        name: String,
        /// The names of the members.
        members: Vec<String>,
    },
    /// The name of a member cannot be called in an expression.
    #[error(
        "invalid member name `{0}`: names consist of letters, digits and `_`, and do not begin with a digit"
    )]
    Name(String),
    /// The expression is too long.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    Length,
    /// The expression is nested too deeply.
    #[error("it is nested more than {MAX_DEPTH} levels deep")]
    Depth,
    /// The group is empty.
    #[error("the group has no members")]
    NoMembers,
}

/// The verdicts of the members of a group.
pub(super) trait Members: Send {
    /// Returns whether the member at an index accepts.
    fn accepts(&mut self, index: usize) -> impl Future<Output = Result<bool, Failure>> + Send;
}

impl Expression {
    /// Parses an expression over the given members.
    ///
    /// # Errors
    /// [`ExpressionError`] for an expression that does not parse or calls another name, and for
    /// invalid names of members.
    pub fn parse(text: &str, members: &[&str]) -> Result<Self, ExpressionError> {
        if text.len() > MAX_LENGTH {
            return Err(ExpressionError::Length);
        }
        if members.is_empty() {
            return Err(ExpressionError::NoMembers);
        }
        if let Some(name) = members.iter().find(|name| !is_name(name)) {
            return Err(ExpressionError::Name((*name).to_owned()));
        }
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
            members,
        };
        let node = parser.or()?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.expected("`&&`, `||`, `==`, `!=` or the end"));
        }
        Ok(Self(node))
    }

    /// Evaluates the expression from left to right, as far as needed.
    pub(super) async fn evaluate(&self, members: &mut impl Members) -> Result<bool, Failure> {
        evaluate(&self.0, members).await
    }
}

type BoxedVerdict<'a> = Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send + 'a>>;

fn evaluate<'a, M: Members>(node: &'a Node, members: &'a mut M) -> BoxedVerdict<'a> {
    Box::pin(async move {
        Ok(match node {
            Node::Constant(value) => *value,
            Node::Call(member) => members.accepts(*member).await?,
            Node::Not(inner) => !evaluate(inner, members).await?,
            Node::And(left, right) => {
                evaluate(left, members).await? && evaluate(right, members).await?
            }
            Node::Or(left, right) => {
                evaluate(left, members).await? || evaluate(right, members).await?
            }
            Node::Equal(left, right, same) => {
                let left = evaluate(left, members).await?;
                (left == evaluate(right, members).await?) == *same
            }
        })
    })
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && characters.all(|other| other == '_' || other.is_ascii_alphanumeric())
        && !["true", "false", "null", "in"].contains(&name)
}

struct Parser<'a> {
    text: &'a str,
    /// The position in bytes.
    at: usize,
    depth: usize,
    members: &'a [&'a str],
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Node, ExpressionError> {
        let mut left = self.and()?;
        while self.take("||") {
            left = Node::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Node, ExpressionError> {
        let mut left = self.equality()?;
        while self.take("&&") {
            left = Node::And(Box::new(left), Box::new(self.equality()?));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Result<Node, ExpressionError> {
        let mut left = self.unary()?;
        loop {
            let same = if self.take("==") {
                true
            } else if self.take("!=") {
                false
            } else {
                return Ok(left);
            };
            left = Node::Equal(Box::new(left), Box::new(self.unary()?), same);
        }
    }

    fn unary(&mut self) -> Result<Node, ExpressionError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(ExpressionError::Depth);
        }
        let node = if self.take("!") {
            Node::Not(Box::new(self.unary()?))
        } else if self.take("(") {
            let inner = self.or()?;
            self.require(")", "`)`")?;
            inner
        } else {
            self.name()?
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(node)
    }

    fn name(&mut self) -> Result<Node, ExpressionError> {
        self.skip_space();
        let rest = self.rest();
        let len = rest
            .find(|character: char| character != '_' && !character.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(self.expected("the name of a member, `!` or `(`"));
        }
        self.at = self.at.saturating_add(len);
        match name.as_str() {
            "true" => return Ok(Node::Constant(true)),
            "false" => return Ok(Node::Constant(false)),
            _ => {}
        }
        let member = self.members.iter().position(|member| *member == name);
        let member = member.ok_or_else(|| ExpressionError::Unknown {
            name,
            members: self
                .members
                .iter()
                .map(|member| (*member).to_owned())
                .collect(),
        })?;
        self.require("(", "`()` after the name of a member")?;
        self.require(")", "`)`: members take no arguments")?;
        Ok(Node::Call(member))
    }

    fn require(&mut self, token: &str, expected: &'static str) -> Result<(), ExpressionError> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        // `!=` does not begin with a negation.
        let is_other = token == "!" && self.rest().starts_with("!=");
        let found = !is_other && self.rest().starts_with(token);
        if found {
            self.at = self.at.saturating_add(token.len());
        }
        found
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        let trimmed = rest.trim_start();
        self.at = self
            .at
            .saturating_add(rest.len().saturating_sub(trimmed.len()));
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        let before = self.text.get(..self.at).unwrap_or_default();
        ExpressionError::Expected {
            at: before.chars().count().saturating_add(1),
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: [&str; 3] = ["a", "b", "c"];

    impl Members for [bool; 3] {
        async fn accepts(&mut self, index: usize) -> Result<bool, Failure> {
            Ok(self[index])
        }
    }

    /// Evaluates an expression with the given verdicts of the members.
    fn evaluated(text: &str, mut members: [bool; 3]) -> bool {
        let expression = Expression::parse(text, &MEMBERS).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(expression.evaluate(&mut members)).unwrap()
    }

    #[test]
    fn operators_bind_as_in_both_evaluators_of_kubewarden() {
        for a in [false, true] {
            for b in [false, true] {
                for c in [false, true] {
                    let check = |text: &str, expected: bool| {
                        assert_eq!(evaluated(text, [a, b, c]), expected, "{text} {a} {b} {c}");
                    };
                    check("a() || b() && c()", a || (b && c));
                    check("a() && (b() || !c())", a && (b || !c));
                    check("!a() == b()", a != b);
                    check("a() != b() && c()", (a != b) && c);
                    check("!(a() || b())", !(a || b));
                    check(" true&&!!a()\n", a);
                    check("a() == b() == c()", (a == b) == c);
                }
            }
        }
    }

    #[test]
    fn reports_the_position_of_errors() {
        for (text, error) in [
            (
                "",
                "at character 1: expected the name of a member, `!` or `(`",
            ),
            (
                "a() &&",
                "at character 7: expected the name of a member, `!` or `(`",
            ),
            (
                "a",
                "at character 2: expected `()` after the name of a member",
            ),
            (
                "a(1)",
                "at character 3: expected `)`: members take no arguments",
            ),
            ("(a()", "at character 5: expected `)`"),
            (
                "a() b()",
                "at character 5: expected `&&`, `||`, `==`, `!=` or the end",
            ),
            (
                "a() & b()",
                "at character 5: expected `&&`, `||`, `==`, `!=` or the end",
            ),
            (
                "d()",
                "`d` is not a member of the group; its members are a, b, c",
            ),
        ] {
            let found = Expression::parse(text, &MEMBERS).unwrap_err();
            assert_eq!(found.to_string(), error, "{text}");
        }
    }

    #[test]
    fn rejects_excessive_expressions_and_invalid_names() {
        let long = "a()&&".repeat(100_000);
        assert_eq!(
            Expression::parse(&long, &MEMBERS),
            Err(ExpressionError::Length)
        );
        let deep = format!("{}a()", "!".repeat(1000));
        assert_eq!(
            Expression::parse(&deep, &MEMBERS),
            Err(ExpressionError::Depth)
        );
        for name in ["", "1a", "a-b", "true", "ä"] {
            let found = Expression::parse("true", &[name]);
            assert_eq!(found, Err(ExpressionError::Name(name.to_owned())));
        }
        assert_eq!(
            Expression::parse("true", &[]),
            Err(ExpressionError::NoMembers)
        );
    }
}
