//! From a path to the question that it asks.

use std::borrow::Cow;

use access::Plane;
use percent_encoding::percent_decode_str;

/// The policy that a path asks about raw requests, `/validate_raw/{policy}`.
pub(super) fn raw(path: &str) -> Option<Cow<'_, str>> {
    let name = path.strip_prefix("/validate_raw/")?;
    if name.is_empty() || name.contains('/') {
        return None;
    }
    percent_decode_str(name).decode_utf8().ok()
}

/// What a path asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) plane: Plane,
    /// One policy by its name; otherwise the whole chain.
    pub(super) policy: Option<Cow<'a, str>>,
}

impl<'a> Route<'a> {
    /// None when nothing is at this path.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let (plane, policy) = match path.strip_prefix('/')?.split_once('/') {
            Some((plane, policy)) => (plane, Some(policy)),
            None => (path.strip_prefix('/')?, None),
        };
        let plane = match (plane, policy) {
            ("authn", None) => Plane::Authentication,
            ("authz", None) => Plane::Authorization,
            ("validate", _) => Plane::Validation,
            ("mutate", _) => Plane::Mutation,
            _ => return None,
        };
        let policy = match policy {
            Some(name) if name.is_empty() || name.contains('/') => return None,
            Some(name) => Some(percent_decode_str(name).decode_utf8().ok()?),
            None => None,
        };
        Some(Self { plane, policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Option<(Plane, Option<String>)> {
        Route::parse(path).map(|route| (route.plane, route.policy.map(Cow::into_owned)))
    }

    #[test]
    fn leads_to_the_chain_of_each_plane() {
        assert_eq!(route("/authn"), Some((Plane::Authentication, None)));
        assert_eq!(route("/authz"), Some((Plane::Authorization, None)));
        assert_eq!(route("/validate"), Some((Plane::Validation, None)));
        assert_eq!(route("/mutate"), Some((Plane::Mutation, None)));
    }

    #[test]
    fn leads_to_one_admission_policy() {
        assert_eq!(
            route("/validate/no-root"),
            Some((Plane::Validation, Some("no-root".to_owned())))
        );
        assert_eq!(
            route("/mutate/a%2Db"),
            Some((Plane::Mutation, Some("a-b".to_owned())))
        );
        assert_eq!(
            route("/mutate/a%2Fb"),
            Some((Plane::Mutation, Some("a/b".to_owned())))
        );
    }

    #[test]
    fn raw_requests_have_a_path_of_their_own() {
        assert_eq!(raw("/validate_raw/a%2Db").as_deref(), Some("a-b"));
        for path in [
            "/validate_raw",
            "/validate_raw/",
            "/validate_raw/a/b",
            "/validate/a",
        ] {
            assert_eq!(raw(path), None, "{path}");
        }
    }

    #[test]
    fn leads_nowhere_else() {
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
            assert_eq!(route(path), None, "{path}");
        }
    }
}
