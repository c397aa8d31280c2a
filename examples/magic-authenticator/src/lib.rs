//! A minimal authenticator: `magic-token` is the token of `magic-user`.

use k8s_wasm_sdk::{Authentication, Authenticator, Error, Identity, TokenRequest};
use serde::Deserialize;

/// An authenticator for one token, without settings.
#[derive(Deserialize)]
pub struct MagicAuthenticator {}

impl Authenticator for MagicAuthenticator {
    fn authenticate(&self, request: &TokenRequest) -> Result<Authentication, Error> {
        if request.token != "magic-token" {
            return Ok(Authentication::unknown_token());
        }
        let magic_user = Identity::new("magic-user").uid("0").group("magic-group");
        Ok(Authentication::user(magic_user))
    }
}

k8s_wasm_sdk::export!(authn: MagicAuthenticator);
