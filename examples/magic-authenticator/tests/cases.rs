//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use magic_authenticator::MagicAuthenticator;

#[test]
fn answers_every_case() {
    Module::named("magic_authenticator")
        .authn::<MagicAuthenticator>()
        .replay("cases");
}
