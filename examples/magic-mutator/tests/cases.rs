//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use magic_mutator::MagicMutator;

#[test]
fn passes_every_case() {
    Module::new("magic_mutator")
        .mutate::<MagicMutator>()
        .replay("cases");
}
