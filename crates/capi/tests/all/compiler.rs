//! Builds a C program against the library that was built for this test run.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the library needs of the system: `rustc --print native-static-libs`.
const SYSTEM: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

const FLAGS: [&str; 9] = [
    "-std=c11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
];

/// Compiles `source`, a file of these tests, into `folder` and returns the program.
pub fn build(source: &str, folder: &Path) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.join("program");
    let built = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(FLAGS)
        .arg("-I")
        .arg(here.join("include"))
        .arg(here.join("tests/all").join(source))
        .arg(library())
        .args(SYSTEM)
        .arg("-o")
        .arg(&program)
        .output()
        .expect("a C compiler, which Rust itself needs to link");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "\n{said}");
    program
}

/// The newest static library beside this test, which cargo has built together with the one that the test itself is linked to.
fn library() -> PathBuf {
    let test = env::current_exe().expect("this test");
    let folder = test.parent().expect("a folder");
    let files = fs::read_dir(folder).expect("the folder of this test");
    let library = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("libk8s_wasm") && name.ends_with(".a"))
        })
        .max_by_key(|path| path.metadata().and_then(|file| file.modified()).ok());
    library.unwrap_or_else(|| panic!("no libk8s_wasm*.a in {}", folder.display()))
}
