//! Replays the cases of this example natively.

use k8s_wasm_sdk::testing::Module;
use token_table::TokenTable;

#[test]
fn answers_every_case() {
    Module::named("token_table")
        .authn::<TokenTable>()
        .replay("cases");
}
