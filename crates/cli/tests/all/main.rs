//! The program as a user meets it: run on small modules, its whole output compared with committed files.

mod check;
mod decisions;
mod inspect;
mod kubewarden;
mod manifests;
mod modules;
mod test_dir;
mod run;
mod serve;
mod traces;
mod usage;
