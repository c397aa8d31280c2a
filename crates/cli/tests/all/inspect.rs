//! `k8s-wasm inspect`.

use crate::modules;
use crate::test_dir::TestDir;

#[test]
fn shows_exports_imports_and_memories() {
    let dir = TestDir::new().with("both.wasm", modules::both());
    dir.prints("inspect", &["inspect", "both.wasm"]);
    dir.prints("inspect-json", &["inspect", "both.wasm", "-o", "json"]);
}

#[test]
fn rejects_files_that_are_not_modules() {
    let dir = TestDir::new()
        .with("text.wasm", "(module)")
        .with("empty.wasm", "")
        .with("note.wasm", "hello");
    dir.prints("inspect-text", &["inspect", "text.wasm"]);
    dir.prints("inspect-empty", &["inspect", "empty.wasm"]);
    dir.prints("inspect-note", &["inspect", "note.wasm"]);
    dir.prints("inspect-missing", &["inspect", "missing.wasm"]);
}
