//! Tests of rules, including the table of
//! `k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules`.

use wire::meta::GroupVersionResource;

use super::*;

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The fields of a rule.
struct Fields<'a> {
    operations: &'a [&'a str],
    groups: &'a [&'a str],
    versions: &'a [&'a str],
    resources: &'a [&'a str],
    scope: Option<&'a str>,
}

const ANY: Fields<'_> = Fields {
    operations: &["*"],
    groups: &["*"],
    versions: &["*"],
    resources: &["*/*"],
    scope: None,
};

impl Fields<'_> {
    fn parse(&self) -> Result<Rule, RuleError> {
        Rule::new(
            &strings(self.operations),
            &strings(self.groups),
            &strings(self.versions),
            &strings(self.resources),
            self.scope,
        )
    }

    fn matches(&self, request: &Request<'_>) -> bool {
        self.parse().unwrap().matches(&request.into())
    }

    /// Returns the error of an invalid rule.
    fn problem(&self) -> String {
        self.parse().unwrap_err().to_string()
    }
}

/// Creates a request for `group/version/resource[/subresource]`.
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

fn create(path: &str) -> Request<'static> {
    request(path, "ns", Operation::Create)
}

#[test]
fn matches_groups_and_versions_by_wildcard_or_equality() {
    for (groups, path, expected) in [
        (&["*"][..], "g/v/r", true),
        (&["*"], "/v1/pods", true),
        (&["g1", "g2"], "g2/v/r", true),
        (&["g1", "g2"], "g3/v/r", false),
        (&[""], "/v1/pods", true),
        (&[""], "apps/v1/deployments", false),
        (&["apps"], "/v1/pods", false),
    ] {
        let rule = Fields { groups, ..ANY };
        assert_eq!(rule.matches(&create(path)), expected, "{groups:?} {path}");
    }
    for (versions, path, expected) in [
        (&["*"][..], "g/v/r", true),
        (&["v1", "v2"], "g/v2/r", true),
        (&["v1", "v2"], "g/v3/r", false),
        (&["v1"], "g/v1beta1/r", false),
    ] {
        let rule = Fields { versions, ..ANY };
        assert_eq!(rule.matches(&create(path)), expected, "{versions:?} {path}");
    }
}

#[test]
fn matches_operations_by_wildcard_or_equality() {
    use Operation::{Connect, Create, Delete, Update};
    for (operations, matched) in [
        (&["*"][..], &[Create, Update, Delete, Connect][..]),
        (&["CREATE"], &[Create]),
        (&["UPDATE", "DELETE"], &[Update, Delete]),
        (&["CONNECT"], &[Connect]),
    ] {
        let rule = Fields { operations, ..ANY };
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
fn matches_resources_and_subresources_like_kube_apiserver() {
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
        let rule = Fields {
            resources: &[entry],
            ..ANY
        };
        for resource in ["pods", "pods/log", "pods/scale", "nodes", "nodes/scale"] {
            let expected = matched.contains(&resource);
            let request = create(&format!("/v1/{resource}"));
            assert_eq!(rule.matches(&request), expected, "{entry} {resource}");
        }
    }
}

#[test]
fn matches_if_any_entry_of_a_list_matches() {
    let rule = Fields {
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
        assert_eq!(rule.matches(&create(path)), expected, "{path}");
    }
}

#[test]
fn treats_namespaces_as_cluster_scoped() {
    let namespaced = Some("Namespaced");
    let cluster = Some("Cluster");
    for (path, namespace, scope, expected) in [
        // The API server sets the namespace of a Namespace object to its own name.
        ("/v1/namespaces", "ns", None, true),
        ("/v1/namespaces", "ns", Some("*"), true),
        ("/v1/namespaces", "ns", cluster, true),
        ("/v1/namespaces", "ns", namespaced, false),
        ("/v1/namespaces", "", cluster, true),
        ("/v1/namespaces/finalize", "ns", cluster, true),
        ("/v1/namespaces/finalize", "ns", namespaced, false),
        // The special case applies to this group and version only.
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
        let rule = Fields { scope, ..ANY };
        let request = request(path, namespace, Operation::Update);
        assert_eq!(
            rule.matches(&request),
            expected,
            "{path} {namespace} {scope:?}"
        );
    }
}

#[test]
fn requires_all_fields_to_match() {
    let rule = Fields {
        operations: &["CREATE"],
        groups: &["apps"],
        versions: &["v1"],
        resources: &["deployments"],
        scope: Some("Namespaced"),
    };
    assert!(rule.matches(&create("apps/v1/deployments")));
    assert!(!rule.matches(&create("/v1/deployments")));
    assert!(!rule.matches(&create("apps/v2/deployments")));
    assert!(!rule.matches(&create("apps/v1/statefulsets")));
    assert!(!rule.matches(&request("apps/v1/deployments", "", Operation::Create)));
    assert!(!rule.matches(&request("apps/v1/deployments", "ns", Operation::Update)));
}

#[test]
fn everything_equals_a_rule_of_wildcards() {
    assert_eq!(Rule::everything(), ANY.parse().unwrap());
}

#[test]
fn rejects_invalid_lists() {
    let empty = "must have at least one entry; use `*` for all";
    let only = "`*` must be the only entry";
    let operations = |operations: &[&str]| Fields { operations, ..ANY }.problem();
    assert_eq!(operations(&[]), format!("`operations`: {empty}"));
    assert_eq!(
        operations(&["*", "CREATE"]),
        format!("`operations`: {only}")
    );
    assert_eq!(
        operations(&["create"]),
        "`operations`: unknown value `create`; use `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`"
    );
    let groups = |groups: &[&str]| Fields { groups, ..ANY }.problem();
    assert_eq!(groups(&[]), format!("`apiGroups`: {empty}"));
    assert_eq!(groups(&["apps", "*"]), format!("`apiGroups`: {only}"));
    let versions = |versions: &[&str]| Fields { versions, ..ANY }.problem();
    assert_eq!(versions(&[]), format!("`apiVersions`: {empty}"));
    assert_eq!(versions(&["*", "v1"]), format!("`apiVersions`: {only}"));
    assert_eq!(
        versions(&[""]),
        "`apiVersions`: must not contain an empty version; use `*` for all"
    );
    let scope = Fields {
        scope: Some("cluster"),
        ..ANY
    };
    assert_eq!(
        scope.problem(),
        "`scope`: unknown value `cluster`; use `Cluster`, `Namespaced` or `*`"
    );
}

#[test]
fn rejects_redundant_resources() {
    let parse = |resources: &[&str]| Fields { resources, ..ANY }.parse().map(|_| ());
    let problem = |resources: &[&str]| parse(resources).unwrap_err().problem;
    assert_eq!(
        problem(&[]),
        "must have at least one entry; use `*/*` for all"
    );
    assert_eq!(problem(&["pods", ""]), "must not contain an empty entry");
    for (wide, narrow) in [
        ("*/*", "pods"),
        ("*/*", "*"),
        ("*/*", "pods/log"),
        ("*", "pods"),
        ("pods/*", "pods/log"),
        ("*/scale", "deployments/scale"),
    ] {
        let expected = format!("`{wide}` includes `{narrow}`; remove one of them");
        assert_eq!(problem(&[wide, narrow]), expected);
        assert_eq!(problem(&[narrow, wide]), expected);
    }
    for valid in [
        &["*", "pods/log"][..],
        &["*", "*/scale"],
        &["pods", "pods/*"],
        &["pods/*", "*/scale"],
        &["pods", "pods"],
    ] {
        assert_eq!(parse(valid), Ok(()), "{valid:?}");
    }
}

#[test]
fn displays_a_rule_like_the_configuration() {
    let rule = Fields {
        operations: &["CREATE", "CONNECT"],
        groups: &["", "apps"],
        versions: &["*"],
        resources: &["pods", "pods/*", "*/scale"],
        scope: Some("Namespaced"),
    };
    let rule = rule.parse().unwrap();
    let print = |words: &[Pattern]| words.iter().map(Pattern::to_string).collect::<Vec<_>>();
    let operations: Vec<_> = rule.operations().iter().map(ToString::to_string).collect();
    let resources: Vec<_> = rule.resources().iter().map(ToString::to_string).collect();
    assert_eq!(operations, ["CREATE", "CONNECT"]);
    assert_eq!(print(rule.api_groups()), ["", "apps"]);
    assert_eq!(print(rule.api_versions()), ["*"]);
    assert_eq!(resources, ["pods", "pods/*", "*/scale"]);
    assert_eq!(rule.scope().to_string(), "Namespaced");
}
