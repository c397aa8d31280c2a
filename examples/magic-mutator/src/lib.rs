//! The smallest mutator: every configmap gets `magic-value: foobar`.
#![allow(
    clippy::indexing_slicing,
    reason = "a missing field of a JSON value is null"
)]

use k8s_wasm_sdk::{AdmissionRequest, Error, Mutation, Mutator};
use serde::Deserialize;

/// Sets one value. Has no settings.
#[derive(Deserialize)]
pub struct MagicMutator {}

impl Mutator for MagicMutator {
    fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error> {
        // The tree keeps every field of the object, also those that this module does not know.
        Mutation::edit(request, |object| {
            object["data"]["magic-value"] = "foobar".into();
        })
    }
}

k8s_wasm_sdk::export!(mutate: MagicMutator);
