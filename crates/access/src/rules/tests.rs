//! Tests of rules: the whole table of `k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules`, and more.

use wire::meta::GroupVersionResource;

use super::*;

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A rule of which only one part is narrow.
struct Written<'a> {
    operations: &'a [&'a str],
    groups: &'a [&'a str],
    versions: &'a [&'a str],
    resources: &'a [&'a str],
    scope: Option<&'a str>,
}

const ANY: Written<'_> = Written {
    operations: &["*"],
    groups: &["*"],
    versions: &["*"],
    resources: &["*/*"],
    scope: None,
};

impl Written<'_> {
    fn read(&self) -> Result<Rule, RuleError> {
        Rule::new(
            &strings(self.operations),
            &strings(self.groups),
            &strings(self.versions),
            &strings(self.resources),
            self.scope,
        )
    }

    fn matches(&self, request: &Request<'_>) -> bool {
        self.read().unwrap().matches(&request.into())
    }

    /// The problem with the rule.
    fn problem(&self) -> String {
        self.read().unwrap_err().to_string()
    }
}

/// A request for `group/version/resource[/subresource]`.
fn request(path: &str, namespace: &str, operation: Operation) -> Request<'static> {
    let mut parts = path.splitn(4, '/').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    Request {
        resource: GroupVersionResource {
            group: next(),
            version: next(),
            resource: next(),
        },
        sub_resource: next(),
        namespace: namespace.to_owned(),
        operation,
        ..Request::default()
    }
}

fn of(path: &str) -> Request<'static> {
    request(path, "ns", Operation::Create)
}

#[test]
fn matches_groups_and_versions_by_star_or_equality() {
    for (groups, path, expected) in [
        (&["*"][..], "g/v/r", true),
        (&["*"], "/v1/pods", true),
        (&["g1", "g2"], "g2/v/r", true),
        (&["g1", "g2"], "g3/v/r", false),
        (&[""], "/v1/pods", true),
        (&[""], "apps/v1/deployments", false),
        (&["apps"], "/v1/pods", false),
    ] {
        let rule = Written { groups, ..ANY };
        assert_eq!(rule.matches(&of(path)), expected, "{groups:?} {path}");
    }
    for (versions, path, expected) in [
        (&["*"][..], "g/v/r", true),
        (&["v1", "v2"], "g/v2/r", true),
        (&["v1", "v2"], "g/v3/r", false),
        (&["v1"], "g/v1beta1/r", false),
    ] {
        let rule = Written { versions, ..ANY };
        assert_eq!(rule.matches(&of(path)), expected, "{versions:?} {path}");
    }
}

#[test]
fn matches_operations_by_star_or_equality() {
    use Operation::{Connect, Create, Delete, Update};
    for (operations, matched) in [
        (&["*"][..], &[Create, Update, Delete, Connect][..]),
        (&["CREATE"], &[Create]),
        (&["UPDATE", "DELETE"], &[Update, Delete]),
        (&["CONNECT"], &[Connect]),
    ] {
        let rule = Written { operations, ..ANY };
        for operation in [Create, Update, Delete, Connect] {
            let expected = matched.contains(&operation);
            let request = request("/v1/pods", "ns", operation);
            assert_eq!(
                rule.matches(&request),
                expected,
                "{operations:?} {operation}"
            );
        }
    }
}

#[test]
fn matches_resources_and_subresources_as_the_api_server_does() {
    for (entry, matched) in [
        ("pods", &["pods"][..]),
        ("pods/log", &["pods/log"]),
        ("pods/*", &["pods", "pods/log", "pods/scale"]),
        ("*", &["pods", "nodes"]),
        ("*/scale", &["pods/scale", "nodes/scale"]),
        (
            "*/*",
            &["pods", "pods/log", "pods/scale", "nodes", "nodes/scale"],
        ),
        ("po", &[]),
        ("pods/lo", &[]),
    ] {
        let rule = Written {
            resources: &[entry],
            ..ANY
        };
        for resource in ["pods", "pods/log", "pods/scale", "nodes", "nodes/scale"] {
            let expected = matched.contains(&resource);
            let request = of(&format!("/v1/{resource}"));
            assert_eq!(rule.matches(&request), expected, "{entry} {resource}");
        }
    }
}

#[test]
fn any_entry_of_a_list_may_match() {
    let rule = Written {
        resources: &["pods", "*/scale", "nodes/status"],
        ..ANY
    };
    for (path, expected) in [
        ("/v1/pods", true),
        ("/v1/pods/log", false),
        ("apps/v1/deployments/scale", true),
        ("/v1/nodes", false),
        ("/v1/nodes/status", true),
    ] {
        assert_eq!(rule.matches(&of(path)), expected, "{path}");
    }
}

#[test]
fn a_namespace_is_not_in_a_namespace() {
    let namespaced = Some("Namespaced");
    let cluster = Some("Cluster");
    for (path, namespace, scope, expected) in [
        // The API server states the name of a Namespace object as its namespace.
        ("/v1/namespaces", "ns", None, true),
        ("/v1/namespaces", "ns", Some("*"), true),
        ("/v1/namespaces", "ns", cluster, true),
        ("/v1/namespaces", "ns", namespaced, false),
        ("/v1/namespaces", "", cluster, true),
        ("/v1/namespaces/finalize", "ns", cluster, true),
        ("/v1/namespaces/finalize", "ns", namespaced, false),
        // The special case is for this group and version only.
        ("example.com/v1/namespaces", "ns", cluster, false),
        ("example.com/v1/namespaces", "ns", namespaced, true),
        ("/v2/namespaces", "ns", namespaced, true),
        ("/v1/nodes", "", None, true),
        ("/v1/nodes", "", cluster, true),
        ("/v1/nodes", "", namespaced, false),
        ("/v1/pods", "ns", None, true),
        ("/v1/pods", "ns", cluster, false),
        ("/v1/pods", "ns", namespaced, true),
        ("/v1/pods/exec", "ns", namespaced, true),
    ] {
        let rule = Written { scope, ..ANY };
        let request = request(path, namespace, Operation::Update);
        assert_eq!(
            rule.matches(&request),
            expected,
            "{path} {namespace} {scope:?}"
        );
    }
}

#[test]
fn all_parts_of_a_rule_must_match() {
    let rule = Written {
        operations: &["CREATE"],
        groups: &["apps"],
        versions: &["v1"],
        resources: &["deployments"],
        scope: Some("Namespaced"),
    };
    assert!(rule.matches(&of("apps/v1/deployments")));
    assert!(!rule.matches(&of("/v1/deployments")));
    assert!(!rule.matches(&of("apps/v2/deployments")));
    assert!(!rule.matches(&of("apps/v1/statefulsets")));
    assert!(!rule.matches(&request("apps/v1/deployments", "", Operation::Create)));
    assert!(!rule.matches(&request("apps/v1/deployments", "ns", Operation::Update)));
}

#[test]
fn everything_is_everything() {
    assert_eq!(Rule::everything(), ANY.read().unwrap());
}

#[test]
fn says_what_is_wrong_with_a_list() {
    let empty = "at least one entry is needed; write `*` for all";
    let alone = "`*` must stand alone";
    let operations = |operations: &[&str]| Written { operations, ..ANY }.problem();
    assert_eq!(operations(&[]), format!("`operations`: {empty}"));
    assert_eq!(
        operations(&["*", "CREATE"]),
        format!("`operations`: {alone}")
    );
    assert_eq!(
        operations(&["create"]),
        "`operations`: `create` is unknown; use `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`"
    );
    let groups = |groups: &[&str]| Written { groups, ..ANY }.problem();
    assert_eq!(groups(&[]), format!("`apiGroups`: {empty}"));
    assert_eq!(groups(&["apps", "*"]), format!("`apiGroups`: {alone}"));
    let versions = |versions: &[&str]| Written { versions, ..ANY }.problem();
    assert_eq!(versions(&[]), format!("`apiVersions`: {empty}"));
    assert_eq!(versions(&["*", "v1"]), format!("`apiVersions`: {alone}"));
    assert_eq!(
        versions(&[""]),
        "`apiVersions`: a version is empty; write `*` for all"
    );
    let scope = Written {
        scope: Some("cluster"),
        ..ANY
    };
    assert_eq!(
        scope.problem(),
        "`scope`: `cluster` is unknown; use `Cluster`, `Namespaced` or `*`"
    );
}

#[test]
fn refuses_resources_that_have_each_other_in_them() {
    let read = |resources: &[&str]| Written { resources, ..ANY }.read().map(|_| ());
    let problem = |resources: &[&str]| read(resources).unwrap_err().problem;
    assert_eq!(
        problem(&[]),
        "at least one entry is needed; write `*/*` for all"
    );
    assert_eq!(problem(&["pods", ""]), "an entry is empty");
    for (wide, narrow) in [
        ("*/*", "pods"),
        ("*/*", "*"),
        ("*/*", "pods/log"),
        ("*", "pods"),
        ("pods/*", "pods/log"),
        ("*/scale", "deployments/scale"),
    ] {
        let expected = format!("`{wide}` already has `{narrow}` in it; leave one out");
        assert_eq!(problem(&[wide, narrow]), expected);
        assert_eq!(problem(&[narrow, wide]), expected);
    }
    for fine in [
        &["*", "pods/log"][..],
        &["*", "*/scale"],
        &["pods", "pods/*"],
        &["pods/*", "*/scale"],
        &["pods", "pods"],
    ] {
        assert_eq!(read(fine), Ok(()), "{fine:?}");
    }
}

#[test]
fn prints_what_was_written() {
    let rule = Written {
        operations: &["CREATE", "CONNECT"],
        groups: &["", "apps"],
        versions: &["*"],
        resources: &["pods", "pods/*", "*/scale"],
        scope: Some("Namespaced"),
    };
    let rule = rule.read().unwrap();
    let print = |words: &[Pattern]| words.iter().map(Pattern::to_string).collect::<Vec<_>>();
    let operations: Vec<_> = rule.operations().iter().map(ToString::to_string).collect();
    let resources: Vec<_> = rule.resources().iter().map(ToString::to_string).collect();
    assert_eq!(operations, ["CREATE", "CONNECT"]);
    assert_eq!(print(rule.api_groups()), ["", "apps"]);
    assert_eq!(print(rule.api_versions()), ["*"]);
    assert_eq!(resources, ["pods", "pods/*", "*/scale"]);
    assert_eq!(rule.scope().to_string(), "Namespaced");
}
