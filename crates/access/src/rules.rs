//! Rules that select requests: RuleWithOperations of `admissionregistration.k8s.io/v1`.

use std::fmt;

use wire::admission::{Operation, Request};

/// A rule, which matches a request if its operation, group, version, resource and scope all match.
///
/// ```
/// use access::rules::{Rule, Target};
/// use wire::admission::Operation;
///
/// let list = |entry: &str| [entry.to_owned()];
/// let rule = Rule::new(&list("CREATE"), &list("apps"), &list("*"), &list("deployments"), None)?;
/// let target = Target {
///     operation: Operation::Create,
///     group: "apps",
///     version: "v1",
///     resource: "deployments",
///     subresource: "",
///     has_namespace: true,
/// };
/// assert!(rule.matches(&target));
/// assert!(!rule.matches(&Target { subresource: "scale", ..target }));
/// # Ok::<(), access::rules::RuleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    operations: Vec<OperationPattern>,
    api_groups: Vec<Pattern>,
    api_versions: Vec<Pattern>,
    resources: Vec<ResourcePattern>,
    scope: Scope,
}

impl Rule {
    /// Creates a rule from the fields of a configuration. `scope` defaults to `*`.
    ///
    /// # Errors
    /// Fails if a list is empty, combines `*` with other entries, or has an unknown value.
    pub fn new(
        operations: &[String],
        api_groups: &[String],
        api_versions: &[String],
        resources: &[String],
        scope: Option<&str>,
    ) -> Result<Self, RuleError> {
        Ok(Self {
            operations: parse_operations(operations)?,
            api_groups: parse_words("apiGroups", api_groups)?,
            api_versions: parse_versions(api_versions)?,
            resources: parse_resources(resources)?,
            scope: scope.map_or(Ok(Scope::All), parse_scope)?,
        })
    }

    /// Creates a rule that matches every request.
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

    /// Returns whether the rule matches a request.
    ///
    /// Compares `resource` and `subResource` of the review. With `matchPolicy: Equivalent` these
    /// name the resource that the API server converted the request to, not the one that the user
    /// sent.
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

    /// Returns the entries of `operations`.
    #[must_use]
    pub fn operations(&self) -> &[OperationPattern] {
        &self.operations
    }

    /// Returns the entries of `apiGroups`.
    #[must_use]
    pub fn api_groups(&self) -> &[Pattern] {
        &self.api_groups
    }

    /// Returns the entries of `apiVersions`.
    #[must_use]
    pub fn api_versions(&self) -> &[Pattern] {
        &self.api_versions
    }

    /// Returns the entries of `resources`.
    #[must_use]
    pub fn resources(&self) -> &[ResourcePattern] {
        &self.resources
    }

    /// Returns the scope; `*` by default.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

/// The parts of a request that rules are matched against. Borrowed, so it allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The operation on the object.
    pub operation: Operation,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The API version.
    pub version: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// The subresource; empty for the resource itself.
    pub subresource: &'a str,
    /// True if the request has a namespace. A request for a Namespace has its own name as
    /// namespace.
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
    /// Returns whether the object is namespaced. A Namespace object is not.
    fn is_in_namespace(&self) -> bool {
        let is_namespace =
            self.group.is_empty() && self.version == "v1" && self.resource == "namespaces";
        self.has_namespace && !is_namespace
    }
}

/// Returns the operation of this name, in upper case.
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

/// A pattern of operations: `*` or one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationPattern {
    /// `*`, which matches everything.
    Any,
    /// This operation only.
    Only(Operation),
}

/// A pattern of names: `*` or one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// `*`, which matches everything.
    Any,
    /// This name only; empty for the core group.
    Only(String),
}

/// An entry of `resources`: `pods`, `pods/log`, `pods/*`, `*`, `*/scale` or `*/*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourcePattern {
    /// The part before the slash.
    pub resource: Pattern,
    /// The part after the slash; empty without a slash, which stands for the resource itself.
    pub subresource: Pattern,
}

/// The scope of a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `*`, which matches everything.
    #[default]
    All,
    /// `Cluster`: cluster-scoped objects, including Namespaces.
    Cluster,
    /// `Namespaced`: objects in a namespace.
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

    fn parse(word: &str) -> Self {
        match word {
            "*" => Self::Any,
            word => Self::Only(word.to_owned()),
        }
    }
}

impl ResourcePattern {
    fn parse(entry: &str) -> Self {
        let (resource, subresource) = entry.split_once('/').unwrap_or((entry, ""));
        Self {
            resource: Pattern::parse(resource),
            subresource: Pattern::parse(subresource),
        }
    }

    fn is_main_resource(&self) -> bool {
        matches!(&self.subresource, Pattern::Only(word) if word.is_empty())
    }

    /// Returns whether this entry makes the other one redundant. The API server rejects such lists
    /// as likely mistakes.
    fn covers(&self, other: &Self) -> bool {
        if self == other {
            return false;
        }
        let covers = |wide: &Pattern, narrow: &Pattern| *wide == Pattern::Any || wide == narrow;
        match (self.resource == Pattern::Any, self.is_main_resource()) {
            // `*/*` must be the only entry.
            (true, false) if self.subresource == Pattern::Any => true,
            // `*` includes `pods`, but not `pods/log`.
            (true, true) => other.is_main_resource(),
            // `pods` and `pods/*` may be combined: one is the resource, the other its subresources.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Only(operation) => operation.fmt(f),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "*",
            Self::Only(word) => word,
        })
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.resource)?;
        if self.is_main_resource() {
            return Ok(());
        }
        write!(f, "/{}", self.subresource)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "*",
            Self::Cluster => "Cluster",
            Self::Namespaced => "Namespaced",
        })
    }
}

fn parse_operations(words: &[String]) -> Result<Vec<OperationPattern>, RuleError> {
    const FIELD: &str = "operations";
    let parse = |word: &String| match word.as_str() {
        "*" => Ok(OperationPattern::Any),
        word => operation(word).map(OperationPattern::Only).ok_or_else(|| {
            let known = "`CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`";
            RuleError::unknown(FIELD, word, known)
        }),
    };
    check_wildcard(FIELD, words)?;
    words.iter().map(parse).collect()
}

fn parse_versions(words: &[String]) -> Result<Vec<Pattern>, RuleError> {
    const FIELD: &str = "apiVersions";
    if words.iter().any(String::is_empty) {
        return Err(RuleError::new(
            FIELD,
            "must not contain an empty version; use `*` for all",
        ));
    }
    parse_words(FIELD, words)
}

fn parse_words(field: &'static str, words: &[String]) -> Result<Vec<Pattern>, RuleError> {
    check_wildcard(field, words)?;
    Ok(words.iter().map(|word| Pattern::parse(word)).collect())
}

fn check_wildcard(field: &'static str, words: &[String]) -> Result<(), RuleError> {
    if words.is_empty() {
        return Err(RuleError::new(
            field,
            "must have at least one entry; use `*` for all",
        ));
    }
    if words.len() > 1 && words.iter().any(|word| word == "*") {
        return Err(RuleError::new(field, "`*` must be the only entry"));
    }
    Ok(())
}

fn parse_resources(entries: &[String]) -> Result<Vec<ResourcePattern>, RuleError> {
    const FIELD: &str = "resources";
    if entries.is_empty() {
        return Err(RuleError::new(
            FIELD,
            "must have at least one entry; use `*/*` for all",
        ));
    }
    if entries.iter().any(String::is_empty) {
        return Err(RuleError::new(FIELD, "must not contain an empty entry"));
    }
    let patterns: Vec<_> = entries
        .iter()
        .map(|entry| ResourcePattern::parse(entry))
        .collect();
    for wide in &patterns {
        if let Some(narrow) = patterns.iter().find(|narrow| wide.covers(narrow)) {
            let problem = format!("`{wide}` includes `{narrow}`; remove one of them");
            return Err(RuleError::new(FIELD, problem));
        }
    }
    Ok(patterns)
}

fn parse_scope(word: &str) -> Result<Scope, RuleError> {
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

/// The reason why a rule is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
pub struct RuleError {
    /// The field: `operations`, `apiGroups`, `apiVersions`, `resources` or `scope`.
    pub field: &'static str,
    /// The problem with the field.
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
        Self::new(field, format!("unknown value `{word}`; use {known}"))
    }
}

#[cfg(test)]
mod tests;
