//! The smallest validator: configmaps with the key `not-allowed-value` are rejected.

use k8s_wasm_sdk::{AdmissionRequest, Error, Validation, Validator};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Knows one forbidden key. Has no settings.
#[derive(Deserialize)]
pub struct MagicValidator {}

/// The one part of a ConfigMap that matters here. Everything else is skipped.
#[derive(Deserialize)]
struct ConfigMap {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "not-allowed-value")]
    not_allowed: Option<IgnoredAny>,
}

impl Validator for MagicValidator {
    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error> {
        let data = request
            .object::<ConfigMap>()?
            .and_then(|object| object.data);
        Ok(match data {
            Some(data) if data.not_allowed.is_some() => {
                Validation::reject("value not-allowed-value not allowed in configmap")
            }
            _ => Validation::accept(),
        })
    }
}

k8s_wasm_sdk::export!(validate: MagicValidator);
