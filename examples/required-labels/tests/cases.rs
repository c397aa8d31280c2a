//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use required_labels::RequiredLabels;

#[test]
fn answers_every_case() {
    Module::named("required_labels")
        .validate::<RequiredLabels>()
        .replay("cases");
}
