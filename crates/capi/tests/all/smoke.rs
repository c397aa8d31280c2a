//! Every function of the header from C, under the sanitizers for addresses, leaks and undefined behaviour.

use std::path::Path;
use std::process::{Command, Output};

use crate::{compiler, modules};

fn run(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("ASAN_OPTIONS", "detect_leaks=1")
        .env_remove("LSAN_OPTIONS")
        .env_remove("KUBECONFIG");
    command.output().expect("the program")
}

#[test]
fn a_c_program_gets_what_the_header_promises_and_leaks_nothing() {
    let folder = modules::folder();
    let program = compiler::build("smoke.c", folder.path());
    let path = folder.path().to_str().expect("UTF-8");

    let leaky = run(&program, &[path, "leak"]);
    let said = String::from_utf8_lossy(&leaky.stderr);
    assert!(
        said.contains("detected memory leaks") && !leaky.status.success(),
        "the sanitizer cannot find leaks here, so this test would prove nothing:\n{said}"
    );

    let smoke = run(&program, &[path]);
    let (out, said) = (
        String::from_utf8_lossy(&smoke.stdout),
        String::from_utf8_lossy(&smoke.stderr),
    );
    assert!(smoke.status.success(), "{out}\n{said}");
    assert!(out.ends_with("done\n"), "{out}\n{said}");
    assert!(!said.contains("Sanitizer"), "{said}");
}
