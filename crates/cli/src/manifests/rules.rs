//! The union of the rules of several policies, as rules of a webhook.

use std::collections::BTreeSet;

use access::rules::{OperationPattern, Pattern, Rule};
use serde::Serialize;

/// The exclusions. Controllers and nodes renew their leases every few seconds and stop when a slow
/// webhook prevents it (kubernetes/kubernetes#90217).
const EXCLUSIONS: [Exclusion; 3] = [
    Exclusion {
        name: "not-a-lease",
        resources: &["leases"],
        groups: &["coordination.k8s.io"],
        expression: "!(request.resource.group == 'coordination.k8s.io' && request.resource.resource == 'leases')",
    },
    Exclusion {
        name: "not-an-event",
        resources: &["events"],
        groups: &["events.k8s.io"],
        expression: "!(request.resource.group in ['', 'events.k8s.io'] && request.resource.resource == 'events')",
    },
    Exclusion {
        name: "not-an-access-review",
        resources: &[
            "tokenreviews",
            "selfsubjectreviews",
            "subjectaccessreviews",
            "localsubjectaccessreviews",
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
        ],
        groups: &["authentication.k8s.io", "authorization.k8s.io"],
        expression: "!(request.resource.group in ['authentication.k8s.io', 'authorization.k8s.io'])",
    },
];

/// `RuleWithOperations` of `admissionregistration.k8s.io/v1`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleWithOperations {
    operations: Vec<String>,
    api_groups: Vec<String>,
    api_versions: Vec<String>,
    resources: Vec<String>,
    scope: String,
}

/// `MatchCondition` of `admissionregistration.k8s.io/v1`. Requests for which it is false are not
/// sent.
#[derive(Debug, Serialize)]
pub(super) struct MatchCondition {
    name: &'static str,
    expression: &'static str,
}

/// Objects to exclude from a webhook for all resources.
struct Exclusion {
    name: &'static str,
    resources: &'static [&'static str],
    /// The groups that contain no other resources that a policy could be for.
    groups: &'static [&'static str],
    expression: &'static str,
}

/// Returns rules that match a request if one of the given rules does. Rules that differ only in
/// their operations are merged.
pub(super) fn union<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<RuleWithOperations> {
    let mut merged: Vec<(&Rule, BTreeSet<OperationPattern>)> = Vec::new();
    for rule in rules {
        match merged
            .iter_mut()
            .find(|(known, _)| differ_only_in_operations(known, rule))
        {
            Some((_, operations)) => operations.extend(rule.operations()),
            None => merged.push((rule, rule.operations().iter().copied().collect())),
        }
    }
    merged
        .into_iter()
        .map(|(rule, operations)| to_wire(rule, operations))
        .collect()
}

/// Returns match conditions that exclude objects from a webhook for all resources: those that
/// change constantly, and those on which the cluster and its access control depend. Objects whose
/// resource or group a rule names are not excluded.
pub(super) fn exclusions<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<MatchCondition> {
    let (mut resources, mut groups) = (Vec::new(), Vec::new());
    for rule in rules {
        resources.extend(rule.resources().iter().map(|pattern| &pattern.resource));
        groups.extend(rule.api_groups());
    }
    if !resources.contains(&&Pattern::Any) {
        return Vec::new();
    }
    let is_named = |patterns: &[&Pattern], names: &[&str]| {
        patterns
            .iter()
            .any(|pattern| matches!(pattern, Pattern::Only(name) if names.contains(&name.as_str())))
    };
    EXCLUSIONS
        .iter()
        .filter(|exclusion| !is_named(&resources, exclusion.resources))
        .filter(|exclusion| !is_named(&groups, exclusion.groups))
        .map(|exclusion| MatchCondition {
            name: exclusion.name,
            expression: exclusion.expression,
        })
        .collect()
}

fn differ_only_in_operations(one: &Rule, other: &Rule) -> bool {
    one.api_groups() == other.api_groups()
        && one.api_versions() == other.api_versions()
        && one.resources() == other.resources()
        && one.scope() == other.scope()
}

fn to_wire(rule: &Rule, mut operations: BTreeSet<OperationPattern>) -> RuleWithOperations {
    // Kubernetes rejects `*` beside other operations.
    if operations.contains(&OperationPattern::Any) {
        operations = BTreeSet::from([OperationPattern::Any]);
    }
    let texts = |patterns: &[Pattern]| patterns.iter().map(ToString::to_string).collect();
    RuleWithOperations {
        operations: operations.iter().map(ToString::to_string).collect(),
        api_groups: texts(rule.api_groups()),
        api_versions: texts(rule.api_versions()),
        resources: rule.resources().iter().map(ToString::to_string).collect(),
        scope: rule.scope().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(operations: &[&str], groups: &[&str], resources: &[&str]) -> Rule {
        let texts = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        Rule::new(
            &texts(operations),
            &texts(groups),
            &texts(&["v1"]),
            &texts(resources),
            None,
        )
        .unwrap()
    }

    fn names(rules: &[Rule]) -> Vec<&'static str> {
        exclusions(rules)
            .iter()
            .map(|condition| condition.name)
            .collect()
    }

    #[test]
    fn merges_rules_that_differ_only_in_operations() {
        let rules = [
            rule(&["CREATE"], &[""], &["pods"]),
            rule(&["UPDATE", "CREATE"], &[""], &["pods"]),
            rule(&["DELETE"], &["apps"], &["deployments"]),
        ];
        let union = union(&rules);
        assert_eq!(union.len(), 2);
        assert_eq!(union[0].operations, ["CREATE", "UPDATE"]);
        assert_eq!(union[1].resources, ["deployments"]);
    }

    #[test]
    fn replaces_other_operations_by_the_wildcard() {
        let rules = [
            rule(&["CREATE"], &[""], &["pods"]),
            rule(&["*"], &[""], &["pods"]),
        ];
        assert_eq!(union(&rules)[0].operations, ["*"]);
    }

    /// S14: generated webhooks exclude objects on which the cluster depends.
    #[test]
    fn excludes_leases_if_a_rule_matches_all_resources() {
        let all = ["not-a-lease", "not-an-event", "not-an-access-review"];
        assert_eq!(names(&[rule(&["*"], &["*"], &["*/*"])]), all);
        assert_eq!(names(&[rule(&["*"], &["*"], &["*"])]), all);
        assert!(names(&[rule(&["*"], &["*"], &["pods"])]).is_empty());
    }

    #[test]
    fn does_not_exclude_groups_that_a_rule_names() {
        let rules = [rule(&["*"], &["coordination.k8s.io"], &["*"])];
        assert_eq!(names(&rules), ["not-an-event", "not-an-access-review"]);
    }

    #[test]
    fn does_not_exclude_resources_that_a_rule_names() {
        let rules = [
            rule(&["*"], &["*"], &["*/*"]),
            rule(&["DELETE"], &["coordination.k8s.io"], &["leases"]),
        ];
        assert_eq!(names(&rules), ["not-an-event", "not-an-access-review"]);
    }
}
