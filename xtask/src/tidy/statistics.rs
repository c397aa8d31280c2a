//! Statistics of the Rust sources, to follow their form over time.

use std::fmt;

use super::repository::Repository;
use super::rust::Source;
use super::style::functions;

/// Numbers of files, functions and documentation comments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    files: usize,
    /// Files of more than 60 lines.
    long_files: usize,
    functions: usize,
    /// Functions of more than 40 lines.
    long_functions: usize,
    comments: usize,
    /// Length of the longest file, in lines.
    longest_file: usize,
    /// Length of the longest function, in lines.
    longest_function: usize,
}

/// Counts over all Rust files.
pub fn collect(repository: &Repository) -> Statistics {
    let mut total = Statistics::default();
    for (_, text) in repository.files(&[".rs"]) {
        let (source, lines) = (Source::parse(text), text.lines().count());
        total.files += 1;
        total.long_files += usize::from(lines > 60);
        total.longest_file = total.longest_file.max(lines);
        total.comments += source.docs.len();
        for function in functions(&source) {
            total.functions += 1;
            total.long_functions += usize::from(function.lines > 40);
            total.longest_function = total.longest_function.max(function.lines);
        }
    }
    total
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "files                   {:>6}   over 60 lines {:>5}   longest {:>4}",
            self.files, self.long_files, self.longest_file
        )?;
        writeln!(
            f,
            "functions               {:>6}   over 40 lines {:>5}   longest {:>4}",
            self.functions, self.long_functions, self.longest_function
        )?;
        write!(f, "documentation comments  {:>6}", self.comments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_files_functions_and_comments() {
        let repository =
            Repository::from([("a.rs", "//! A.\n\n/// Runs.\nfn a() {\n}\n"), ("b.md", "")]);
        let expected = Statistics {
            files: 1,
            functions: 1,
            comments: 2,
            longest_file: 5,
            longest_function: 2,
            ..Statistics::default()
        };
        assert_eq!(collect(&repository), expected);
    }
}
