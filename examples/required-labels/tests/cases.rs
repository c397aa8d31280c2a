//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use required_labels::RequiredLabels;

#[test]
fn passes_every_case() {
    Module::new("required_labels")
        .validate::<RequiredLabels>()
        .replay("cases");
}
