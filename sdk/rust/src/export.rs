//! Exports of a module: entry points between stdin and stdout.

use std::io::{Read, Write};

use crate::entry::Entry;

/// Exports entry points from the module: `export!(authn: TokenTable, validate: RequiredLabels)`.
///
/// Left of the colon stands the entry point (`authn`, `authz`, `validate`, `mutate`), right of it a type with the trait that
/// belongs to it. One module may export several; each may be a policy of its own with its own settings.
///
/// On other targets than wasm nothing is exported, so that `cargo test` and dependent crates work.
///
/// ```compile_fail
/// #[derive(serde::Deserialize)]
/// struct NoValidator {}
/// k8s_wasm_sdk::export!(validate: NoValidator); // does not implement `Validator`
/// ```
#[macro_export]
macro_rules! export {
    ($($entry:ident: $policy:ty),+ $(,)?) => {
        $(const _: () = {
            #[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
            #[allow(
                dead_code,
                unsafe_code,
                reason = "the host calls it by this name, which no other function of a module may have"
            )]
            extern "C" fn $entry() {
                $crate::__private::serve($crate::entry::$entry::<$policy>);
            }
        };)+
    };
}

/// Answers what stands on stdin to stdout.
///
/// # Panics
/// When the host's pipes break, which ends the call as a failed one.
pub fn serve(entry: Entry) {
    // Small enough for what is left of the last page of a fresh memory: growing it costs as much as a call.
    let mut input = Vec::with_capacity(4 * 1024);
    let read = std::io::stdin().lock().read_to_end(&mut input);
    read.expect("stdin can be read");
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(&entry(&input))
        .and_then(|()| stdout.flush());
    written.expect("stdout can be written");
}
