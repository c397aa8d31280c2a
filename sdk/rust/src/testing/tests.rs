//! Tests of the runner: it must detect every difference, since all other tests rely on it.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the values are literals at the call site"
)]

use serde_json::json;

use serde::Deserialize;

use super::*;
use crate::{
    AccessRequest, AdmissionRequest, Authentication, Authorization, Identity, Mutation, Rejection,
    TokenRequest, Validation,
};

/// A policy for every plane whose settings define its result.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    say: String,
    #[serde(default)]
    with: Value,
}

impl Authenticator for Scripted {
    fn authenticate(&self, request: &TokenRequest) -> Result<Authentication, Error> {
        match self.say.as_str() {
            "user" => {
                let identity = Identity::new(&request.token).extra("example.com/a", ["b"]);
                Ok(Authentication::user(identity.audience("c")))
            }
            "unknown" => Ok(Authentication::unknown_token()),
            other => Err(Error::new(other)),
        }
    }
}

impl Authorizer for Scripted {
    fn authorize(&self, _: &AccessRequest) -> Result<Authorization, Error> {
        Ok(match self.say.as_str() {
            "allow" => Authorization::allow().because("friend"),
            "deny" => Authorization::deny("enemy"),
            _ => Authorization::no_opinion(),
        })
    }
}

impl Validator for Scripted {
    fn validate(&self, _: &AdmissionRequest<'_>) -> Result<Validation, Error> {
        Ok(match self.say.as_str() {
            "accept" => Validation::accept().warn("old").audit("key", "value"),
            _ => Validation::reject(Rejection::new("no").code(422).reason("Invalid")).warn("old"),
        })
    }
}

impl Mutator for Scripted {
    fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error> {
        match self.say.as_str() {
            "object" => Mutation::changed(&self.with),
            "patch" => Mutation::json_patch(&self.with),
            "edit" => Mutation::edit(request, |object| object["a"] = self.with.clone()),
            "reject" => Ok(Mutation::reject("no")),
            _ => Ok(Mutation::unchanged()),
        }
    }
}

fn review(entry_point: &str) -> Value {
    match entry_point {
        "authn" => {
            json!({"apiVersion": "authentication.k8s.io/v1beta1", "kind": "TokenReview", "spec": {"token": "t"}})
        }
        "authz" => {
            json!({"apiVersion": "authorization.k8s.io/v1beta1", "kind": "SubjectAccessReview", "spec": {}})
        }
        _ => json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview",
            "request": {"uid": "u", "operation": "CREATE", "object": {"a": 1}}}),
    }
}

/// Checks [`Scripted`] with a vector. Returns the error of the runner.
fn check(entry_point: &str, settings: Value, expect: Value) -> Result<(), String> {
    let module = Module::new("scripted")
        .authn::<Scripted>()
        .authz::<Scripted>()
        .validate::<Scripted>()
        .mutate::<Scripted>();
    let vector = json!({"about": "", "module": "scripted", "entryPoint": entry_point,
        "settings": settings, "request": review(entry_point), "expect": expect});
    let vector: Vector = serde_json::from_str(&vector.to_string()).unwrap();
    module
        .check(&vector)
        .map_err(|error| error.message().to_owned())
}

fn accepts(entry_point: &str, settings: Value, expect: Value) {
    assert_eq!(check(entry_point, settings, expect), Ok(()));
}

fn rejects(entry_point: &str, settings: Value, expect: Value, prefix: &str) {
    let error = check(entry_point, settings, expect).unwrap_err();
    assert!(error.starts_with(prefix), "{error}");
}

#[test]
fn compares_identities_by_value() {
    let user = json!({"username": "t", "extra": {"example.com/a": ["b"]}});
    let status = json!({"authenticated": true, "user": user, "audiences": ["c"]});
    accepts("authn", json!({"say": "user"}), json!({"answer": status}));
    let mut other = status.clone();
    other["user"]["groups"] = json!(["d"]);
    rejects(
        "authn",
        json!({"say": "user"}),
        json!({"answer": other}),
        "status:",
    );
    accepts("authn", json!({"say": "unknown"}), json!({"answer": {}}));
    rejects(
        "authn",
        json!({"say": "unknown"}),
        json!({"answer": status}),
        "status:",
    );
}

#[test]
fn compares_decisions_and_parts_of_reasons() {
    let allow = json!({"say": "allow"});
    accepts(
        "authz",
        allow.clone(),
        json!({"answer": {"allowed": true, "reason": "end"}}),
    );
    rejects(
        "authz",
        allow.clone(),
        json!({"answer": {"allowed": true, "reason": "foe"}}),
        "reason:",
    );
    rejects("authz", allow, json!({"answer": {}}), "allowed:");
    rejects(
        "authz",
        json!({"say": "deny"}),
        json!({"answer": {}}),
        "denied:",
    );
    accepts("authz", json!({"say": ""}), json!({"answer": {}}));
}

#[test]
fn compares_rejections_and_remarks() {
    let reject = json!({"say": "reject"});
    let status = json!({"message": "no", "code": 422, "reason": "Invalid"});
    accepts(
        "validate",
        reject.clone(),
        json!({"answer": {"status": status, "warnings": ["old"]}}),
    );
    rejects(
        "validate",
        reject.clone(),
        json!({"answer": {"status": {"code": 403}}}),
        "code:",
    );
    rejects(
        "validate",
        reject.clone(),
        json!({"answer": {"status": {"reason": "Gone"}}}),
        "reason:",
    );
    rejects(
        "validate",
        reject.clone(),
        json!({"answer": {"status": {"message": "yes"}}}),
        "message:",
    );
    rejects(
        "validate",
        reject,
        json!({"answer": {"allowed": true}}),
        "allowed:",
    );
    let accept = json!({"say": "accept"});
    let annotations = json!({"key": "value"});
    accepts(
        "validate",
        accept.clone(),
        json!({"answer": {"allowed": true, "auditAnnotations": annotations}}),
    );
    let annotations = json!({"key": "other"});
    rejects(
        "validate",
        accept.clone(),
        json!({"answer": {"allowed": true, "auditAnnotations": annotations}}),
        "audit",
    );
    rejects(
        "validate",
        accept,
        json!({"answer": {"allowed": true, "warnings": ["new"]}}),
        "warnings:",
    );
}

#[test]
fn compares_mutations_by_their_effect() {
    let yes = json!({"allowed": true});
    let changed = json!({"answer": yes, "object": {"a": 2}});
    accepts(
        "mutate",
        json!({"say": "object", "with": {"a": 2}}),
        changed.clone(),
    );
    accepts("mutate", json!({"say": "edit", "with": 2}), changed.clone());
    let patch = json!([{"op": "replace", "path": "/a", "value": 2}]);
    accepts(
        "mutate",
        json!({"say": "patch", "with": patch}),
        changed.clone(),
    );
    rejects("mutate", json!({"say": ""}), changed, "object:");
    let unchanged = json!({"answer": yes});
    rejects(
        "mutate",
        json!({"say": "edit", "with": 2}),
        unchanged.clone(),
        "object:",
    );
    accepts(
        "mutate",
        json!({"say": "edit", "with": 1}),
        unchanged.clone(),
    );
    accepts("mutate", json!({"say": ""}), unchanged);
    accepts(
        "mutate",
        json!({"say": "reject"}),
        json!({"answer": {"status": {"message": "no"}}}),
    );
}

#[test]
fn distinguishes_failures_from_responses() {
    let failure = json!({"failure": "reported", "says": "database"});
    accepts("authn", json!({"say": "no database"}), failure.clone());
    rejects(
        "authn",
        json!({"say": "no network"}),
        failure.clone(),
        "error:",
    );
    rejects(
        "authn",
        json!({"say": "user"}),
        failure,
        "expected a failed call",
    );
    rejects(
        "authn",
        json!({"say": "no database"}),
        json!({"answer": {}}),
        "the call failed:",
    );
    let settings = json!({"failure": "reported", "says": "settings: missing field `say`"});
    accepts("authn", json!(null), settings);
}

#[test]
fn mutate_falls_back_to_validate() {
    let module = Module::new("scripted").validate::<Scripted>();
    let settings = serde_json::value::to_raw_value(&json!({"say": "accept"})).unwrap();
    let review = review("mutate").to_string();
    let response = module.evaluate(EntryPoint::Mutate, review.as_bytes(), Some(&settings));
    let response = response.unwrap();
    assert_eq!(response["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(response["response"]["uid"], "u");
    let missing = module.evaluate(EntryPoint::Authn, review.as_bytes(), None);
    let error = missing.unwrap_err();
    assert_eq!(
        error.message(),
        "module `scripted` has no entry point `authn`"
    );
}

#[test]
fn rejects_reviews_of_another_kind() {
    let module = Module::new("scripted").authn::<Scripted>();
    let error = module.evaluate(
        EntryPoint::Authn,
        review("authz").to_string().as_bytes(),
        None,
    );
    let error = error.unwrap_err();
    assert!(
        error.message().starts_with("expected a `TokenReview`"),
        "{error:?}"
    );
}
