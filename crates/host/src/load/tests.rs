//! Whose places calls take.

use engine::Share;

use super::*;
use config::{Format, Source};

fn share(body: &str) -> Share {
    let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}\n");
    let source = Source::text(Format::Configuration, "x", text.into());
    admission_share(&Configuration::load(&[source]).expect("a configuration"))
}

#[test]
fn admission_leaves_places_free_when_somebody_else_needs_them_only() {
    let admission = "admission: {modules: [{module: a.wasm}]}";
    assert_eq!(share(admission), Share::Whole);
    for other in ["authentication", "authorization"] {
        let both = format!("{other}: {{modules: [{{module: b.wasm}}]}}\n{admission}");
        assert_eq!(share(&both), Share::ThreeQuarters, "{other}");
    }
}
