//! Dependencies between the packages of the workspace, which point down only.

use std::path::Path;

use super::finding::Finding;
use crate::metadata::{Dependency, Package};

/// The permitted dependencies of each package. ARCHITECTURE.md has the same list.
const EDGES: [(&str, &[&str]); 16] = [
    (
        "k8s-wasm",
        &[
            "k8s-wasm-server",
            "k8s-wasm-observe",
            "k8s-wasm-preflight",
            "k8s-wasm-host",
            "k8s-wasm-config",
            "k8s-wasm-kubewarden",
            "k8s-wasm-capabilities",
            "k8s-wasm-engine",
            "k8s-wasm-access",
            "k8s-wasm-wire",
        ],
    ),
    (
        "k8s-wasm-server",
        &[
            "k8s-wasm-observe",
            "k8s-wasm-host",
            "k8s-wasm-config",
            "k8s-wasm-access",
            "k8s-wasm-wire",
        ],
    ),
    (
        "k8s-wasm-capi",
        &[
            "k8s-wasm-observe",
            "k8s-wasm-preflight",
            "k8s-wasm-host",
            "k8s-wasm-config",
            "k8s-wasm-capabilities",
            "k8s-wasm-access",
        ],
    ),
    (
        "k8s-wasm-observe",
        &["k8s-wasm-host", "k8s-wasm-engine", "k8s-wasm-access"],
    ),
    (
        "k8s-wasm-preflight",
        &[
            "k8s-wasm-host",
            "k8s-wasm-config",
            "k8s-wasm-access",
            "k8s-wasm-wire",
        ],
    ),
    (
        "k8s-wasm-host",
        &[
            "k8s-wasm-config",
            "k8s-wasm-kubewarden",
            "k8s-wasm-capabilities",
            "k8s-wasm-engine",
            "k8s-wasm-access",
            "k8s-wasm-wire",
        ],
    ),
    (
        "k8s-wasm-config",
        &[
            "k8s-wasm-kubewarden",
            "k8s-wasm-capabilities",
            "k8s-wasm-engine",
            "k8s-wasm-access",
            "k8s-wasm-wire",
        ],
    ),
    (
        "k8s-wasm-kubewarden",
        &[
            "k8s-wasm-capabilities",
            "k8s-wasm-rego",
            "k8s-wasm-engine",
            "k8s-wasm-wire",
        ],
    ),
    ("k8s-wasm-capabilities", &[]),
    ("k8s-wasm-rego", &[]),
    ("k8s-wasm-access", &["k8s-wasm-wire"]),
    ("k8s-wasm-engine", &[]),
    ("k8s-wasm-wire", &[]),
    ("k8s-wasm-sdk", &["k8s-wasm-wire"]),
    ("conformance", &["k8s-wasm-wire"]),
    ("xtask", &[]),
];

/// The permitted dependencies of packages in a folder.
const FAMILIES: [(&str, &[&str]); 2] = [
    ("examples", &["k8s-wasm-sdk"]),
    ("spec/guests", &["k8s-wasm-wire"]),
];

/// The additional dependencies that the tests of a package may have: packages, or all packages in a folder.
const DEV_EDGES: [(&str, &[&str]); 3] = [
    // The guard is tested with modules, and a host needs an engine.
    (
        "k8s-wasm-preflight",
        &["k8s-wasm-capabilities", "k8s-wasm-engine"],
    ),
    // A host under test needs an engine.
    ("k8s-wasm-server", &["k8s-wasm-engine"]),
    // The vectors of the specification evaluate the examples.
    ("k8s-wasm-sdk", &["examples"]),
];

/// Finds dependencies that the tables do not permit, and packages that they do not list.
pub fn check(packages: &[Package], root: &Path) -> Vec<Finding> {
    packages
        .iter()
        .flat_map(|package| check_package(package, root))
        .collect()
}

fn check_package(package: &Package, root: &Path) -> Vec<Finding> {
    let folder = package.folder(root);
    let manifest = folder.join("Cargo.toml").display().to_string();
    let by_name = EDGES.iter().find(|(name, _)| *name == package.name);
    let by_family = FAMILIES
        .iter()
        .find(|(family, _)| folder.starts_with(family));
    let Some((_, allowed)) = by_name.or(by_family) else {
        let problem = format!(
            "list the permitted dependencies of `{}` in xtask/src/tidy/edges.rs",
            package.name
        );
        return vec![Finding::file(manifest, problem)];
    };
    let inside = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some());
    inside
        .filter(|dependency| !allowed.contains(&dependency.name.as_str()))
        .filter(|dependency| !allowed_for_tests(&package.name, dependency, root))
        .map(|dependency| {
            let (name, other) = (&package.name, &dependency.name);
            Finding::file(
                &manifest,
                format!("`{name}` must not depend on `{other}`; dependencies point down only"),
            )
        })
        .collect()
}

fn allowed_for_tests(package: &str, dependency: &Dependency, root: &Path) -> bool {
    let (Some("dev"), Some(path)) = (dependency.kind.as_deref(), &dependency.path) else {
        return false;
    };
    let allowed = DEV_EDGES.iter().find(|(name, _)| *name == package);
    allowed.is_some_and(|(_, allowed)| {
        allowed
            .iter()
            .any(|edge| *edge == dependency.name || path.starts_with(root.join(edge)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn findings(name: &str, folder: &str, dependency: &str) -> Vec<String> {
        let package = json!({
            "name": name,
            "manifest_path": format!("/repository/{folder}/Cargo.toml"),
            "targets": [],
            "dependencies": [{ "name": dependency, "path": "/repository/x" }, { "name": "serde" }],
            "metadata": null,
        });
        let packages = [serde_json::from_value(package).unwrap()];
        check(&packages, Path::new("/repository"))
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn accepts_edges_that_point_down() {
        assert!(findings("k8s-wasm-host", "crates/host", "k8s-wasm-engine").is_empty());
        assert!(findings("require-labels", "examples/require-labels", "k8s-wasm-sdk").is_empty());
    }

    #[test]
    fn finds_edges_that_point_up() {
        assert_eq!(
            findings("k8s-wasm-engine", "crates/engine", "k8s-wasm-wire"),
            [
                "crates/engine/Cargo.toml: `k8s-wasm-engine` must not depend on `k8s-wasm-wire`; dependencies point down only"
            ]
        );
        assert_eq!(
            findings(
                "require-labels",
                "examples/require-labels",
                "k8s-wasm-engine"
            )
            .len(),
            1
        );
    }

    #[test]
    fn accepts_dev_dependencies_of_tests() {
        let package = |kind| {
            let package = json!({
                "name": "k8s-wasm-server", "manifest_path": "/repository/crates/server/Cargo.toml", "targets": [],
                "dependencies": [{ "name": "k8s-wasm-engine", "path": "/repository/crates/engine", "kind": kind }],
                "metadata": null,
            });
            [serde_json::from_value(package).unwrap()]
        };
        assert!(check(&package(json!("dev")), Path::new("/repository")).is_empty());
        assert_eq!(
            check(&package(json!(null)), Path::new("/repository")).len(),
            1
        );
    }

    #[test]
    fn finds_packages_without_a_rule() {
        let [finding] = &findings("newcomer", "crates/newcomer", "k8s-wasm-engine")[..] else {
            panic!("one finding")
        };
        assert!(
            finding.contains("the permitted dependencies of `newcomer`"),
            "{finding}"
        );
    }
}
