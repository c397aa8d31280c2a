//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use magic_authenticator::MagicAuthenticator;

#[test]
fn passes_every_case() {
    Module::new("magic_authenticator")
        .authn::<MagicAuthenticator>()
        .replay("cases");
}
