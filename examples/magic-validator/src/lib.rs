//! A minimal validator: it rejects configmaps with the key `not-allowed-value`.

use k8s_wasm_sdk::{AdmissionRequest, Error, Validation, Validator};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A validator for one forbidden key, without settings.
#[derive(Deserialize)]
pub struct MagicValidator {}

/// The part of a ConfigMap that is relevant here. All other fields are skipped.
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
