//! Runs the program on small modules, and compares its output with the files in `tests/expected`.

mod check;
mod decisions;
mod inspect;
mod kubewarden;
mod manifests;
mod modules;
mod run;
mod serve;
mod test_dir;
mod traces;
mod usage;
