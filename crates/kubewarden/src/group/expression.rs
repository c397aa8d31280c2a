//! The expression of a group: `a() && (b() || !c())`.
//!
//! The language is what the peer's two evaluators share: calls of members without arguments, `true`, `false`, `!`, `==`, `!=`, `&&`,
//! `||` and parentheses, binding in this order.

use std::future::Future;
use std::pin::Pin;

use super::Asked;
use crate::failure::Failure;

/// An expression that was parsed and calls members only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Constant(bool),
    /// A member, by its index.
    Call(usize),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    /// The same truth, or with `false` another.
    Equal(Box<Node>, Box<Node>, bool),
}

/// An expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Something else was expected.
    #[error("at character {at}: expected {expected}")]
    Expected {
        /// Counted from 1.
        at: usize,
        /// What.
        expected: &'static str,
    },
    /// A call of what is no member.
    #[error("`{name}` is no member of the group; its members are {}", .members.join(", "))]
    Unknown {
        /// What is called.
        name: String,
        /// What could be.
        members: Vec<String>,
    },
    /// A member that could not be called by its name.
    #[error(
        "a member cannot be named `{0}`: names are letters, digits and `_`, and begin with no digit"
    )]
    Name(String),
    /// Longer than any expression that people can follow.
    #[error("it has more than {LENGTH_MAX} bytes")]
    Length,
    /// Parentheses in parentheses in parentheses.
    #[error("it is nested more than {DEPTH_MAX} levels deep")]
    Depth,
    /// A group without policies.
    #[error("the group has no members")]
    NoMembers,
}

/// In bytes: some hundred members.
const LENGTH_MAX: usize = 4 << 10;

/// More than anybody writes by hand.
const DEPTH_MAX: usize = 64;

impl Expression {
    /// Parses an expression over these members.
    ///
    /// # Errors
    /// Where it does not parse, or what it calls that is no member.
    pub fn parse(text: &str, members: &[&str]) -> Result<Self, ExpressionError> {
        if text.len() > LENGTH_MAX {
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

    pub(super) async fn evaluate(&self, asked: &mut Asked<'_>) -> Result<bool, Failure> {
        evaluate(&self.0, asked).await
    }
}

type Truth<'a> = Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send + 'a>>;

fn evaluate<'a>(node: &'a Node, asked: &'a mut Asked<'_>) -> Truth<'a> {
    Box::pin(async move {
        Ok(match node {
            Node::Constant(value) => *value,
            Node::Call(member) => asked.accepts(*member).await?,
            Node::Not(inner) => !evaluate(inner, asked).await?,
            Node::And(left, right) => {
                evaluate(left, asked).await? && evaluate(right, asked).await?
            }
            Node::Or(left, right) => evaluate(left, asked).await? || evaluate(right, asked).await?,
            Node::Equal(left, right, same) => {
                let left = evaluate(left, asked).await?;
                (left == evaluate(right, asked).await?) == *same
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
    /// In bytes.
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
        if self.depth > DEPTH_MAX {
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
        // `!` is no negation when it begins `!=`.
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

    /// The truth of an expression when the members have these.
    fn truth(text: &str, members: [bool; 3]) -> bool {
        fn of(node: &Node, members: [bool; 3]) -> bool {
            match node {
                Node::Constant(value) => *value,
                Node::Call(member) => members[*member],
                Node::Not(inner) => !of(inner, members),
                Node::And(left, right) => of(left, members) && of(right, members),
                Node::Or(left, right) => of(left, members) || of(right, members),
                Node::Equal(left, right, same) => {
                    (of(left, members) == of(right, members)) == *same
                }
            }
        }
        of(&Expression::parse(text, &MEMBERS).unwrap().0, members)
    }

    #[test]
    fn operators_bind_as_in_both_languages_of_the_peer() {
        for a in [false, true] {
            for b in [false, true] {
                for c in [false, true] {
                    let check = |text: &str, expected: bool| {
                        assert_eq!(truth(text, [a, b, c]), expected, "{text} {a} {b} {c}");
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
    fn says_where_it_does_not_parse() {
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
                "`d` is no member of the group; its members are a, b, c",
            ),
        ] {
            let found = Expression::parse(text, &MEMBERS).unwrap_err();
            assert_eq!(found.to_string(), error, "{text}");
        }
    }

    #[test]
    fn refuses_what_would_overflow_and_names_that_cannot_be_called() {
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
