//! Replays the cases of this example natively.

use default_resources::DefaultResources;
use k8s_wasm_sdk::testing::Module;

#[test]
fn passes_every_case() {
    Module::new("default_resources")
        .mutate::<DefaultResources>()
        .replay("cases");
}
