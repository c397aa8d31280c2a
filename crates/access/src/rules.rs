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
        Ok(Self {
            operations: read_operations(operations)?,
            api_groups: read_words("apiGroups", api_groups)?,
            api_versions: read_versions(api_versions)?,
            resources: read_resources(resources)?,
            scope: scope.map_or(Ok(Scope::All), read_scope)?,
        })
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
    ///
    /// Matched are `resource` and `subResource` of the review. With `matchPolicy: Equivalent` those are what the API server
    /// converted the request to, not what the user sent.
    #[must_use]
    pub fn matches(&self, target: &Target<'_>) -> bool {
        let is_operation = |pattern: &OperationPattern| pattern.matches(target.operation);
        let is_group = |pattern: &Pattern| pattern.matches(target.group);
        let is_version = |pattern: &Pattern| pattern.matches(target.version);
        let is_resource = |pattern: &ResourcePattern| {
            pattern.resource.matches(target.resource)
                && pattern.subresource.matches(target.subresource)
        };
        self.scope.matches(target)
            && self.operations.iter().any(is_operation)
            && self.api_groups.iter().any(is_group)
            && self.api_versions.iter().any(is_version)
            && self.resources.iter().any(is_resource)
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

/// What of a request decides whether a rule is meant for it. Costs nothing to make: the words are lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// What happens to the object.
    pub operation: Operation,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The API version.
    pub version: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// The subresource; empty for the resource itself.
    pub subresource: &'a str,
    /// Whether the request states a namespace; one for a Namespace states its own name.
    pub has_namespace: bool,
}

impl<'a> From<&'a Request<'_>> for Target<'a> {
    fn from(request: &'a Request<'_>) -> Self {
        Self {
            operation: request.operation,
            group: &request.resource.group,
            version: &request.resource.version,
            resource: &request.resource.resource,
            subresource: &request.sub_resource,
            has_namespace: !request.namespace.is_empty(),
        }
    }
}

impl Target<'_> {
    /// A Namespace object is not in a namespace.
    fn is_in_namespace(&self) -> bool {
        let is_namespace =
            self.group.is_empty() && self.version == "v1" && self.resource == "namespaces";
        self.has_namespace && !is_namespace
    }
}

/// The operation of that name, in capitals.
#[must_use]
pub fn operation(name: &str) -> Option<Operation> {
    match name {
        "CREATE" => Some(Operation::Create),
        "UPDATE" => Some(Operation::Update),
        "DELETE" => Some(Operation::Delete),
        "CONNECT" => Some(Operation::Connect),
        _ => None,
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

impl OperationPattern {
    fn matches(self, operation: Operation) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == operation,
        }
    }
}

impl Pattern {
    fn matches(&self, word: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == word,
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "*" => Self::Any,
            word => Self::Only(word.to_owned()),
        }
    }
}

impl ResourcePattern {
    fn read(entry: &str) -> Self {
        let (resource, subresource) = entry.split_once('/').unwrap_or((entry, ""));
        Self {
            resource: Pattern::read(resource),
            subresource: Pattern::read(subresource),
        }
    }

    fn is_main_resource(&self) -> bool {
        matches!(&self.subresource, Pattern::Only(word) if word.is_empty())
    }

    /// Whether this entry makes the other one superfluous. The API server refuses such lists, as likely mistakes.
    fn covers(&self, other: &Self) -> bool {
        if self == other {
            return false;
        }
        let covers = |mine: &Pattern, its: &Pattern| *mine == Pattern::Any || mine == its;
        match (self.resource == Pattern::Any, self.is_main_resource()) {
            // `*/*` must stand alone.
            (true, false) if self.subresource == Pattern::Any => true,
            // `*` has `pods` in it, but not `pods/log`.
            (true, true) => other.is_main_resource(),
            // `pods` beside `pods/*` is fine, so that a resource can be told from its subresources.
            _ if other.is_main_resource() => false,
            _ => {
                covers(&self.resource, &other.resource)
                    && covers(&self.subresource, &other.subresource)
            }
        }
    }
}

impl Scope {
    fn matches(self, target: &Target<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Cluster => !target.is_in_namespace(),
            Self::Namespaced => target.is_in_namespace(),
        }
    }
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
        if self.is_main_resource() {
            return Ok(());
        }
        write!(formatter, "/{}", self.subresource)
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

fn read_operations(words: &[String]) -> Result<Vec<OperationPattern>, RuleError> {
    const FIELD: &str = "operations";
    let read = |word: &String| match word.as_str() {
        "*" => Ok(OperationPattern::Any),
        word => operation(word).map(OperationPattern::Only).ok_or_else(|| {
            let known = "`CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`";
            RuleError::unknown(FIELD, word, known)
        }),
    };
    check_wildcard(FIELD, words)?;
    words.iter().map(read).collect()
}

fn read_versions(words: &[String]) -> Result<Vec<Pattern>, RuleError> {
    const FIELD: &str = "apiVersions";
    if words.iter().any(String::is_empty) {
        return Err(RuleError::new(
            FIELD,
            "a version is empty; write `*` for all",
        ));
    }
    read_words(FIELD, words)
}

fn read_words(field: &'static str, words: &[String]) -> Result<Vec<Pattern>, RuleError> {
    check_wildcard(field, words)?;
    Ok(words.iter().map(|word| Pattern::read(word)).collect())
}

fn check_wildcard(field: &'static str, words: &[String]) -> Result<(), RuleError> {
    if words.is_empty() {
        return Err(RuleError::new(
            field,
            "at least one entry is needed; write `*` for all",
        ));
    }
    if words.len() > 1 && words.iter().any(|word| word == "*") {
        return Err(RuleError::new(field, "`*` must stand alone"));
    }
    Ok(())
}

fn read_resources(entries: &[String]) -> Result<Vec<ResourcePattern>, RuleError> {
    const FIELD: &str = "resources";
    if entries.is_empty() {
        return Err(RuleError::new(
            FIELD,
            "at least one entry is needed; write `*/*` for all",
        ));
    }
    if entries.iter().any(String::is_empty) {
        return Err(RuleError::new(FIELD, "an entry is empty"));
    }
    let patterns: Vec<_> = entries
        .iter()
        .map(|entry| ResourcePattern::read(entry))
        .collect();
    for wide in &patterns {
        if let Some(narrow) = patterns.iter().find(|narrow| wide.covers(narrow)) {
            let problem = format!("`{wide}` already has `{narrow}` in it; leave one out");
            return Err(RuleError::new(FIELD, problem));
        }
    }
    Ok(patterns)
}

fn read_scope(word: &str) -> Result<Scope, RuleError> {
    match word {
        "*" => Ok(Scope::All),
        "Cluster" => Ok(Scope::Cluster),
        "Namespaced" => Ok(Scope::Namespaced),
        other => Err(RuleError::unknown(
            "scope",
            other,
            "`Cluster`, `Namespaced` or `*`",
        )),
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

impl RuleError {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }

    fn unknown(field: &'static str, word: &str, known: &str) -> Self {
        let word = word.escape_debug();
        Self::new(field, format!("`{word}` is unknown; use {known}"))
    }
}

#[cfg(test)]
mod tests;
