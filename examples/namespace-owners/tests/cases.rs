//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use namespace_owners::NamespaceOwners;

#[test]
fn passes_every_case() {
    Module::new("namespace_owners")
        .authz::<NamespaceOwners>()
        .replay("cases");
}
