//! Replays `spec/vectors` natively with the example modules.

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

/// The module of `spec/guests`. Its behaviours, such as traps and floods, require a host.
const FIXTURE: &str = "spec_behaviours";

fn modules() -> [Module; 8] {
    [
        Module::new("default_resources").mutate::<DefaultResources>(),
        Module::new("magic_authenticator").authn::<MagicAuthenticator>(),
        Module::new("magic_authorizer").authz::<MagicAuthorizer>(),
        Module::new("magic_mutator").mutate::<MagicMutator>(),
        Module::new("magic_validator").validate::<MagicValidator>(),
        Module::new("namespace_owners").authz::<NamespaceOwners>(),
        Module::new("required_labels").validate::<RequiredLabels>(),
        Module::new("token_table").authn::<TokenTable>(),
    ]
}

#[test]
fn the_examples_pass_every_vector_of_the_specification() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors");
    let vectors = Vector::read_all(&directory).unwrap();
    let modules = modules();
    let mut checked = 0;
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
        checked += 1;
    }
    assert!(checked > 0, "no vectors");
}
