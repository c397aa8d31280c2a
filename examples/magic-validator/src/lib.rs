//! The smallest validator: configmaps with the key `not-allowed-value` are rejected.

use std::collections::BTreeMap;

use k8s_wasm_sdk::{AdmissionRequest, Error, Validation, Validator};
use serde::Deserialize;

/// Knows one forbidden key. Has no settings.
#[derive(Deserialize)]
pub struct MagicValidator {}

/// The one field of a ConfigMap that matters here. Everything else is skipped.
#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    data: BTreeMap<String, serde::de::IgnoredAny>,
}

impl Validator for MagicValidator {
    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error> {
        let forbidden = request
            .object::<ConfigMap>()?
            .is_some_and(|object| object.data.contains_key("not-allowed-value"));
        Ok(if forbidden {
            Validation::reject("value not-allowed-value not allowed in configmap")
        } else {
            Validation::accept()
        })
    }
}

k8s_wasm_sdk::export!(validate: MagicValidator);
