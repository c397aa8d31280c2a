//! `k8s-wasm reference`: the generated pages in `docs/reference/`, for `cargo xtask codegen`.

use std::io::Write;

use clap::{Arg, Command, CommandFactory};

use crate::Cli;
use crate::outcome::{Exit, Outcome};

/// Print a generated reference page
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Page to print
    #[arg(value_enum)]
    page: Page,
}

/// A generated page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Page {
    /// The commands and their flags, in Markdown
    CommandLine,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let text = match args.page {
        Page::CommandLine => command_line_page(&mut Cli::command()),
    };
    out.write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

/// Returns the reference page of the command line, in Markdown, from the definitions of the parser.
fn command_line_page(program: &mut Command) -> String {
    program.build();
    let mut page = String::from("# Command line\n\n");
    page.push_str("<!-- Generated from the program by `cargo xtask codegen`; change the doc comments in crates/cli. -->\n\n");
    page.push_str(&about(program));
    page.push_str("\n| Command | |\n|---|---|\n");
    for command in commands(program) {
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        page.push_str(&format!(
            "| [`{0}`](#k8s-wasm-{0}) | {about} |\n",
            command.get_name()
        ));
    }
    if let Some(after) = program.get_after_long_help() {
        page.push_str(&fenced(&after.to_string()));
    }
    for command in commands(program) {
        page.push_str(&section(command));
    }
    page
}

/// Returns the commands that are not hidden.
fn commands(program: &Command) -> impl Iterator<Item = &Command> {
    program
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn section(command: &Command) -> String {
    let mut text = format!("\n## k8s-wasm {}\n\n{}", command.get_name(), about(command));
    let usage = command.clone().render_usage().to_string();
    text.push_str(&fenced(usage.trim_start_matches("Usage: ")));
    let mut headings: Vec<Option<&str>> = Vec::new();
    for arg in arguments(command) {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    for heading in headings {
        let title = heading.map_or_else(String::new, |heading| format!("\n### {heading}\n"));
        text.push_str(&title);
        text.push_str("\n| | |\n|---|---|\n");
        for arg in arguments(command).filter(|arg| arg.get_help_heading() == heading) {
            text.push_str(&format!("| {} | {} |\n", name(arg), description(arg)));
        }
    }
    if let Some(after) = command.get_after_long_help() {
        text.push_str(&fenced(&after.to_string()));
    }
    text
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or_else(|| command.get_about());
    about.map(|text| format!("{text}\n")).unwrap_or_default()
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version"))
}

/// Returns the name of an argument in Markdown: `-r`, `--request-path FILE` or `MODULE.wasm`.
fn name(arg: &Arg) -> String {
    let value = arg.get_action().takes_values().then(|| {
        let names = arg.get_value_names().unwrap_or_default();
        names
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    });
    let short = arg.get_short().map(|short| format!("`-{short}`, "));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let words: Vec<String> = [long, value].into_iter().flatten().collect();
    // A pipe would end the cell of the table, even within code.
    format!(
        "{}`{}`",
        short.unwrap_or_default(),
        words.join(" ").replace('|', "\\|")
    )
}

fn description(arg: &Arg) -> String {
    let help = arg
        .get_long_help()
        .or_else(|| arg.get_help())
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut sentences = vec![help.replace('\n', " ").replace("  ", " ")];
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!(
                "`{}` ({})",
                value.get_name(),
                help.to_string().trim_end_matches('.')
            ),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if arg.get_action().takes_values() && !values.is_empty() {
        sentences.push(format!("One of {}.", values.join(", ")));
    }
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        sentences.push(format!("Default: `{}`.", defaults.join(", ")));
    }
    let with_full_stop = |text: &String| {
        if text.ends_with(['.', ']']) {
            text.clone()
        } else {
            format!("{text}.")
        }
    };
    sentences
        .iter()
        .map(with_full_stop)
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn fenced(text: &str) -> String {
    format!("\n```text\n{}\n```\n", text.trim_end())
}
