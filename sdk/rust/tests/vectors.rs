//! Asks the example modules natively what `spec/vectors` asks them.

use std::path::Path;

use default_resources::DefaultResources;
use k8s_wasm_sdk::testing::{Module, Vector};
use magic_authenticator::MagicAuthenticator;
use magic_authorizer::MagicAuthorizer;
use magic_mutator::MagicMutator;
use magic_validator::MagicValidator;
use namespace_owners::NamespaceOwners;
use required_labels::RequiredLabels;
use token_table::TokenTable;

/// The fixture of `spec/guests`: what it does, traps and floods for instance, needs a host.
const FIXTURE: &str = "spec_behaviours";

fn modules() -> [Module; 8] {
    [
        Module::named("default_resources").mutate::<DefaultResources>(),
        Module::named("magic_authenticator").authn::<MagicAuthenticator>(),
        Module::named("magic_authorizer").authz::<MagicAuthorizer>(),
        Module::named("magic_mutator").mutate::<MagicMutator>(),
        Module::named("magic_validator").validate::<MagicValidator>(),
        Module::named("namespace_owners").authz::<NamespaceOwners>(),
        Module::named("required_labels").validate::<RequiredLabels>(),
        Module::named("token_table").authn::<TokenTable>(),
    ]
}

#[test]
fn the_examples_answer_every_vector_of_the_specification() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors");
    let vectors = Vector::read_all(&directory).expect("readable vectors");
    let modules = modules();
    let mut asked = 0;
    for (path, vector) in vectors
        .iter()
        .filter(|(_, vector)| vector.module != FIXTURE)
    {
        let path = path.display();
        let module = modules.iter().find(|module| module.name() == vector.module);
        let module = module.unwrap_or_else(|| panic!("{path}: no module `{}`", vector.module));
        if let Err(error) = module.check(vector) {
            panic!("{path} ({}): {}", vector.about, error.message());
        }
        asked += 1;
    }
    assert!(asked > 0, "no vectors");
}
