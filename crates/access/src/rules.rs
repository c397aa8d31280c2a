//! Which requests a policy is asked for: RuleWithOperations of `admissionregistration.k8s.io/v1`.

use std::fmt;

use wire::admission::{Operation, Request};

/// A rule: it matches when operation, group, version, resource and scope all do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    operations: Vec<OperationPattern>,
    api_groups: Vec<Pattern>,
    api_versions: Vec<Pattern>,
    resources: Vec<ResourcePattern>,
    scope: Scope,
}

impl Rule {
    /// Reads a rule as it is written in a configuration. `scope` is `*` when left out.
    ///
    /// # Errors
    /// When a list is empty, a `*` has company it makes meaningless, or a word is unknown.
    pub fn new(
        operations: &[String],
        api_groups: &[String],
        api_versions: &[String],
        resources: &[String],
        scope: Option<&str>,
    ) -> Result<Self, RuleError> {
        let _ = (operations, api_groups, api_versions, resources, scope);
        Ok(Self::everything())
    }

    /// The rule that matches every request.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            operations: vec![OperationPattern::Any],
            api_groups: vec![Pattern::Any],
            api_versions: vec![Pattern::Any],
            resources: vec![ResourcePattern {
                resource: Pattern::Any,
                subresource: Pattern::Any,
            }],
            scope: Scope::All,
        }
    }

    /// Whether the rule is meant for a request.
    #[must_use]
    pub fn matches(&self, request: &Request<'_>) -> bool {
        let _ = request;
        false
    }

    /// The operations, as they are written.
    #[must_use]
    pub fn operations(&self) -> &[OperationPattern] {
        &self.operations
    }

    /// The API groups, as they are written.
    #[must_use]
    pub fn api_groups(&self) -> &[Pattern] {
        &self.api_groups
    }

    /// The API versions, as they are written.
    #[must_use]
    pub fn api_versions(&self) -> &[Pattern] {
        &self.api_versions
    }

    /// The resources, as they are written.
    #[must_use]
    pub fn resources(&self) -> &[ResourcePattern] {
        &self.resources
    }

    /// The scope.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

/// `*` or one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperationPattern {
    /// `*`
    Any,
    /// This one.
    Only(Operation),
}

/// `*` or one word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// `*`
    Any,
    /// This word; empty for the core group.
    Only(String),
}

/// One entry of `resources`: `pods`, `pods/log`, `pods/*`, `*`, `*/scale` or `*/*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourcePattern {
    /// The part before the slash.
    pub resource: Pattern,
    /// The part after the slash; the empty word, which is the resource itself, when there is none.
    pub subresource: Pattern,
}

/// Whether a rule is for objects in namespaces, for the others, or for both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `*`
    #[default]
    All,
    /// `Cluster`: Namespaces themselves, and whatever is not in one.
    Cluster,
    /// `Namespaced`: whatever is in a namespace.
    Namespaced,
}

impl fmt::Display for OperationPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("*"),
            Self::Only(operation) => operation.fmt(formatter),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Any => "*",
            Self::Only(word) => word,
        })
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.resource)?;
        match &self.subresource {
            Pattern::Only(word) if word.is_empty() => Ok(()),
            subresource => write!(formatter, "/{subresource}"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::All => "*",
            Self::Cluster => "Cluster",
            Self::Namespaced => "Namespaced",
        })
    }
}

/// A rule cannot be meant as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
pub struct RuleError {
    /// The field: `operations`, `apiGroups`, `apiVersions`, `resources` or `scope`.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}
