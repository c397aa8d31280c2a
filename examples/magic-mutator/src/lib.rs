//! A minimal mutator: it sets `magic-value: foobar` in every configmap.
#![allow(
    clippy::indexing_slicing,
    reason = "a missing field of a JSON value is null"
)]

use k8s_wasm_sdk::{AdmissionRequest, Error, Mutation, Mutator};
use serde::Deserialize;

/// A mutator that sets one value, without settings.
#[derive(Deserialize)]
pub struct MagicMutator {}

impl Mutator for MagicMutator {
    fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error> {
        // The JSON value keeps all fields of the object, including those unknown to this module.
        Mutation::edit(request, |object| {
            object["data"]["magic-value"] = "foobar".into();
        })
    }
}

k8s_wasm_sdk::export!(mutate: MagicMutator);
