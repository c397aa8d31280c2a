//! Every function of the header, called from a C program under the sanitizers for addresses, leaks
//! and undefined behaviour.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::modules;

/// The system libraries that the library links to: `rustc --print native-static-libs`.
const SYSTEM_LIBRARIES: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

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

#[test]
fn a_c_program_sees_the_documented_behaviour_and_leaks_nothing() {
    let directory = modules::directory();
    let program = compile("abi.c", directory.path());
    let path = directory.path().to_str().unwrap();

    let leaky = run(&program, &[path, "leak"]);
    let stderr = String::from_utf8_lossy(&leaky.stderr);
    assert!(
        stderr.contains("detected memory leaks") && !leaky.status.success(),
        "the sanitizer does not detect leaks here, so this test would prove nothing:\n{stderr}"
    );

    let output = run(&program, &[path]);
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.ends_with("done\n"), "{stdout}\n{stderr}");
    assert!(!stderr.contains("Sanitizer"), "{stderr}");
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("ASAN_OPTIONS", "detect_leaks=1")
        .env_remove("LSAN_OPTIONS")
        .env_remove("KUBECONFIG");
    command.output().unwrap()
}

/// Compiles `source`, a file of these tests, with the library into `directory`. Returns the
/// program.
fn compile(source: &str, directory: &Path) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = directory.join("program");
    let output = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(FLAGS)
        .arg("-I")
        .arg(package.join("include"))
        .arg(package.join("tests/all").join(source))
        .arg(library())
        .args(SYSTEM_LIBRARIES)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "\n{stderr}");
    program
}

/// Returns the newest static library beside this test: cargo built it together with the library
/// that the test itself is linked with.
fn library() -> PathBuf {
    let test = env::current_exe().unwrap();
    let directory = test.parent().unwrap();
    let library = fs::read_dir(directory)
        .unwrap()
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("libk8s_wasm") && name.ends_with(".a"))
        })
        .max_by_key(|path| path.metadata().and_then(|file| file.modified()).ok());
    library.unwrap_or_else(|| panic!("no libk8s_wasm*.a in {}", directory.display()))
}
