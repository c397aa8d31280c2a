//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use token_table::TokenTable;

#[test]
fn passes_every_case() {
    Module::new("token_table")
        .authn::<TokenTable>()
        .replay("cases");
}
