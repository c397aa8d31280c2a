//! Replays the cases of this example natively.

use default_resources::DefaultResources;
use k8s_wasm_sdk::testing::Module;

#[test]
fn answers_every_case() {
    Module::named("default_resources")
        .mutate::<DefaultResources>()
        .replay("cases");
}
