//! The rules of many policies as the rules of one webhook.

use std::collections::BTreeSet;

use access::rules::{OperationPattern, Pattern, Rule};
use serde::Serialize;

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

/// `MatchCondition` of `admissionregistration.k8s.io/v1`: a request for which one is false is not sent.
#[derive(Debug, Serialize)]
pub(super) struct MatchCondition {
    name: &'static str,
    expression: &'static str,
}

/// Rules that match whatever one of the rules matches. Rules that differ in their operations only become one.
pub(super) fn union<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<RuleWithOperations> {
    let mut merged: Vec<(&Rule, BTreeSet<OperationPattern>)> = Vec::new();
    for rule in rules {
        match merged
            .iter_mut()
            .find(|(known, _)| differ_in_operations_only(known, rule))
        {
            Some((_, operations)) => operations.extend(rule.operations()),
            None => merged.push((rule, rule.operations().iter().copied().collect())),
        }
    }
    merged
        .into_iter()
        .map(|(rule, operations)| written(rule, operations))
        .collect()
}

/// The conditions that keep a webhook for `*` away from objects that change all the time, or on which the cluster and
/// its access control themselves depend. What a rule names, by resource or by group, is not left out.
pub(super) fn exclusions<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<MatchCondition> {
    let (mut resources, mut groups) = (Vec::new(), Vec::new());
    for rule in rules {
        resources.extend(rule.resources().iter().map(|pattern| &pattern.resource));
        groups.extend(rule.api_groups());
    }
    if !resources.contains(&&Pattern::Any) {
        return Vec::new();
    }
    let named = |patterns: &[&Pattern], names: &[&str]| {
        patterns
            .iter()
            .any(|pattern| matches!(pattern, Pattern::Only(name) if names.contains(&name.as_str())))
    };
    EXCLUSIONS
        .iter()
        .filter(|exclusion| !named(&resources, exclusion.resources))
        .filter(|exclusion| !named(&groups, exclusion.groups))
        .map(|exclusion| MatchCondition {
            name: exclusion.name,
            expression: exclusion.expression,
        })
        .collect()
}

struct Exclusion {
    name: &'static str,
    resources: &'static [&'static str],
    /// The groups that have nothing else in them that a policy could be meant for.
    groups: &'static [&'static str],
    expression: &'static str,
}

/// Leases are how controllers and nodes say every few seconds that they live; losing one to a slow webhook stops them
/// (kubernetes/kubernetes#90217).
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

fn differ_in_operations_only(one: &Rule, other: &Rule) -> bool {
    one.api_groups() == other.api_groups()
        && one.api_versions() == other.api_versions()
        && one.resources() == other.resources()
        && one.scope() == other.scope()
}

fn written(rule: &Rule, mut operations: BTreeSet<OperationPattern>) -> RuleWithOperations {
    // Kubernetes wants `*` to stand alone.
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
    fn joins_rules_that_differ_in_operations_only() {
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
    fn any_operation_stands_alone() {
        let rules = [
            rule(&["CREATE"], &[""], &["pods"]),
            rule(&["*"], &[""], &["pods"]),
        ];
        assert_eq!(union(&rules)[0].operations, ["*"]);
    }

    /// S14: generated webhooks leave out what a cluster needs to live.
    #[test]
    fn keeps_away_from_leases_when_everything_is_meant() {
        let all = ["not-a-lease", "not-an-event", "not-an-access-review"];
        assert_eq!(names(&[rule(&["*"], &["*"], &["*/*"])]), all);
        assert_eq!(names(&[rule(&["*"], &["*"], &["*"])]), all);
        assert!(names(&[rule(&["*"], &["*"], &["pods"])]).is_empty());
    }

    #[test]
    fn does_not_leave_out_what_is_in_a_group_that_a_rule_names() {
        let rules = [rule(&["*"], &["coordination.k8s.io"], &["*"])];
        assert_eq!(names(&rules), ["not-an-event", "not-an-access-review"]);
    }

    #[test]
    fn does_not_leave_out_what_a_rule_names() {
        let rules = [
            rule(&["*"], &["*"], &["*/*"]),
            rule(&["DELETE"], &["coordination.k8s.io"], &["leases"]),
        ];
        assert_eq!(names(&rules), ["not-an-event", "not-an-access-review"]);
    }
}
