//! The files of the repository in memory, so that every check is a pure function with unit tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Folders without sources.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// The text of every file, by its path relative to the root, with `/` as separator.
pub struct Repository {
    files: BTreeMap<String, String>,
}

impl Repository {
    /// Reads every file below `root`. A file that is not UTF-8 counts as empty.
    pub fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        read_folder(root, "", &mut files)?;
        Ok(Self { files })
    }

    /// Lists path and text of every file whose path ends with one of `endings`.
    pub fn files(&self, endings: &[&str]) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns the text of the file `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Returns whether a file or folder `path` exists; a folder may end with `/`.
    pub fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains_key(path) || self.under(&format!("{path}/")).next().is_some()
    }

    /// Lists the names of the folders in `folder`, which ends with `/` or is empty for the root.
    pub fn folders(&self, folder: &str) -> Vec<&str> {
        let mut names: Vec<_> = self
            .under(folder)
            .filter_map(|path| path[folder.len()..].split_once('/'))
            .map(|(name, _)| name)
            .collect();
        names.dedup();
        names
    }

    /// Lists the paths that start with `prefix`, sorted.
    pub fn under(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let paths = self
            .files
            .range(prefix.to_owned()..)
            .map(|(path, _)| path.as_str());
        paths.take_while(move |path| path.starts_with(prefix))
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    let context = || format!("cannot read `{}`", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().with_context(context)?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            files.insert(
                path,
                String::from_utf8(fs::read(entry.path())?).unwrap_or_default(),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Repository {
    fn from(files: [(&str, &str); N]) -> Self {
        Self {
            files: files
                .map(|(path, text)| (path.to_owned(), text.to_owned()))
                .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_files_and_folders() {
        let repository = Repository::from([
            ("README.md", ""),
            ("crates/host/src/lib.rs", ""),
            ("crates/wire/a", ""),
        ]);
        for path in ["README.md", "crates", "crates/", "crates/host/src"] {
            assert!(repository.exists(path), "{path}");
        }
        for path in ["READ", "crate", "crates/host/src/main.rs"] {
            assert!(!repository.exists(path), "{path}");
        }
        assert_eq!(repository.folders(""), ["crates"]);
        assert_eq!(repository.folders("crates/"), ["host", "wire"]);
    }
}
