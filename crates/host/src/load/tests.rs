//! Tests of the share of permits.

use engine::Share;

use super::*;
use config::{Format, Source};

fn share(body: &str) -> Share {
    let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}\n");
    let source = Source::text(Format::Configuration, "x", text.into());
    admission_share(&Configuration::load(&[source]).unwrap())
}

#[test]
fn admission_leaves_permits_free_only_for_other_planes() {
    let admission = "admission: {modules: [{module: a.wasm}]}";
    assert_eq!(share(admission), Share::Whole);
    for other in ["authentication", "authorization"] {
        let both = format!("{other}: {{modules: [{{module: b.wasm}}]}}\n{admission}");
        assert_eq!(share(&both), Share::ThreeQuarters, "{other}");
    }
}
