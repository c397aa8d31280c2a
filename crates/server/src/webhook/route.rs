//! The paths of the webhooks.

use std::borrow::Cow;

use access::Plane;
use observe::Origin;
use percent_encoding::percent_decode_str;

/// The target of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    /// The chain to evaluate, or a raw request.
    pub(super) origin: Origin,
    /// The policy that the path names; none for the whole chain. A raw request always has one.
    pub(super) policy: Option<Cow<'a, str>>,
}

impl<'a> Route<'a> {
    /// Parses a path. Returns none if it does not exist.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let (first, policy) = match path.split_once('/') {
            Some((first, name)) => (first, Some(decode_policy(name)?)),
            None => (path, None),
        };
        let origin = match (first, &policy) {
            ("authn", None) => Origin::Chain(Plane::Authentication),
            ("authz", None) => Origin::Chain(Plane::Authorization),
            ("validate", _) => Origin::Chain(Plane::Validation),
            ("mutate", _) => Origin::Chain(Plane::Mutation),
            ("validate_raw", Some(_)) => Origin::Raw,
            _ => return None,
        };
        Some(Self { origin, policy })
    }
}

/// Decodes the name of a policy, the last segment of a path.
fn decode_policy(name: &str) -> Option<Cow<'_, str>> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    percent_decode_str(name).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, origin: Origin, policy: Option<&str>) {
        let policy = policy.map(Cow::from);
        assert_eq!(Route::parse(path), Some(Route { origin, policy }), "{path}");
    }

    #[test]
    fn each_plane_has_a_path() {
        check("/authn", Origin::Chain(Plane::Authentication), None);
        check("/authz", Origin::Chain(Plane::Authorization), None);
        check("/validate", Origin::Chain(Plane::Validation), None);
        check("/mutate", Origin::Chain(Plane::Mutation), None);
    }

    #[test]
    fn each_admission_policy_has_a_path() {
        let (validation, mutation) = (Plane::Validation, Plane::Mutation);
        check(
            "/validate/no-root",
            Origin::Chain(validation),
            Some("no-root"),
        );
        check("/mutate/a%2Db", Origin::Chain(mutation), Some("a-b"));
        check("/mutate/a%2Fb", Origin::Chain(mutation), Some("a/b"));
    }

    #[test]
    fn raw_requests_have_a_separate_path() {
        check("/validate_raw/a%2Db", Origin::Raw, Some("a-b"));
        for path in ["/validate_raw", "/validate_raw/", "/validate_raw/a/b"] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }

    #[test]
    fn rejects_other_paths() {
        for path in [
            "",
            "/",
            "//",
            "/authn/",
            "/authn/x",
            "/authz/x",
            "/validate/",
            "/validate/a/b",
            "/validate//a",
            "/Validate",
            "*",
            "/validate/%ff",
            "/other",
            "/livez",
        ] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }
}
