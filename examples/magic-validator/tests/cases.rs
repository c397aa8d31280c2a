//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use magic_validator::MagicValidator;

#[test]
fn passes_every_case() {
    Module::new("magic_validator")
        .validate::<MagicValidator>()
        .replay("cases");
}
