//! `k8s-wasm inspect`.

use crate::modules;
use crate::test_dir::Place;

#[test]
fn shows_what_a_module_is() {
    let place = Place::new().with("both.wasm", modules::both());
    place.prints("inspect", &["inspect", "both.wasm"]);
    place.prints("inspect-json", &["inspect", "both.wasm", "-o", "json"]);
}

#[test]
fn says_what_a_file_is_instead() {
    let place = Place::new()
        .with("text.wasm", "(module)")
        .with("empty.wasm", "")
        .with("note.wasm", "hello");
    place.prints("inspect-text", &["inspect", "text.wasm"]);
    place.prints("inspect-empty", &["inspect", "empty.wasm"]);
    place.prints("inspect-note", &["inspect", "note.wasm"]);
    place.prints("inspect-missing", &["inspect", "missing.wasm"]);
}
