//! From a path to the question that it asks.

use std::borrow::Cow;

use access::Plane;
use percent_encoding::percent_decode_str;

/// What a path asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// A review of Kubernetes is answered.
    Review {
        plane: Plane,
        /// One policy by its name; otherwise the whole chain.
        policy: Option<Cow<'a, str>>,
    },
    /// One Kubewarden policy is asked about any JSON.
    Raw { policy: Cow<'a, str> },
}

impl<'a> Route<'a> {
    /// None when nothing is at this path.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let (first, policy) = match path.split_once('/') {
            Some((first, name)) => (first, Some(policy(name)?)),
            None => (path, None),
        };
        let plane = match (first, &policy) {
            ("authn", None) => Plane::Authentication,
            ("authz", None) => Plane::Authorization,
            ("validate", _) => Plane::Validation,
            ("mutate", _) => Plane::Mutation,
            ("validate_raw", Some(_)) => return policy.map(|policy| Self::Raw { policy }),
            _ => return None,
        };
        Some(Self::Review { plane, policy })
    }

    /// What is asked, and the one policy that is.
    pub(super) fn asked(&self) -> (Option<Plane>, Option<&str>) {
        match self {
            Self::Review { plane, policy } => (Some(*plane), policy.as_deref()),
            Self::Raw { policy } => (None, Some(policy)),
        }
    }

    /// What is asked, in a word for logs.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Review { plane, .. } => plane.as_str(),
            Self::Raw { .. } => "raw",
        }
    }
}

/// The name of a policy, the last part of a path.
fn policy(name: &str) -> Option<Cow<'_, str>> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    percent_decode_str(name).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Option<(Plane, Option<String>)> {
        match Route::parse(path)? {
            Route::Review { plane, policy } => Some((plane, policy.map(Cow::into_owned))),
            Route::Raw { .. } => panic!("`{path}` is for raw requests"),
        }
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
        let policy = "a-b".into();
        assert_eq!(
            Route::parse("/validate_raw/a%2Db"),
            Some(Route::Raw { policy })
        );
        for path in ["/validate_raw", "/validate_raw/", "/validate_raw/a/b"] {
            assert_eq!(Route::parse(path), None, "{path}");
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
