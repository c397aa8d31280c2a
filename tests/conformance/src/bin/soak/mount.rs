//! The directory of the configuration and the modules, mounted like a ConfigMap by the kubelet:
//! files are symbolic links through `..data`, and one rename replaces the version.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use conformance::directory::Directory;
use conformance::{Programs, Wiring};

/// The link to the current version.
const DATA: &str = "..data";
const CONFIGURATION: &str = "policies.yaml";
const MODULES: &str = "modules";

/// The mounted files.
#[derive(Debug)]
pub struct Mount {
    root: PathBuf,
    /// The intended content of the modules, by name.
    modules: BTreeMap<String, Vec<u8>>,
    configuration: String,
    version: u64,
    /// The number of marks, each of which makes a module unique.
    marks: u64,
}

impl Mount {
    /// Creates the links, through which files are then installed.
    ///
    /// # Errors
    /// If they cannot be created.
    pub fn prepare(directory: &Directory) -> Result<()> {
        let root = directory.path();
        fs::create_dir_all(root.join(version_name(0)).join(MODULES))?;
        symlink(version_name(0), root.join(DATA))?;
        for name in [CONFIGURATION, MODULES] {
            symlink(Path::new(DATA).join(name), root.join(name))?;
        }
        Ok(())
    }

    /// Opens the installed files, and adds the modules of `wiring` that its configuration does not
    /// use yet.
    ///
    /// # Errors
    /// If a module does not compile, or cannot be read or written.
    pub fn open(directory: &Directory, wiring: &Wiring, programs: &Programs) -> Result<Self> {
        let mut mount = Self {
            root: directory.path().to_owned(),
            modules: BTreeMap::new(),
            configuration: wiring.configuration.clone(),
            version: 0,
            marks: 0,
        };
        for (name, script) in &wiring.scripts {
            mount.put_module(name, script.compile()?)?;
        }
        for name in [
            "magic_authenticator",
            "magic_authorizer",
            "magic_mutator",
            "magic_validator",
            "spec_behaviours",
        ] {
            mount
                .modules
                .insert(name.to_owned(), fs::read(programs.guest(name)?)?);
        }
        Ok(mount)
    }

    /// Returns the names of the modules.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.modules.keys().cloned().collect()
    }

    /// Returns the intended configuration.
    #[must_use]
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// Returns the intended content of a module.
    #[must_use]
    pub fn module(&self, name: &str) -> &[u8] {
        self.modules.get(name).map_or(&[], Vec::as_slice)
    }

    /// Replaces the configuration atomically.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn configure(&mut self, configuration: String) -> Result<()> {
        self.replace(CONFIGURATION, configuration.as_bytes())?;
        self.configuration = configuration;
        Ok(())
    }

    /// Replaces the configuration until [`Self::restore`].
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn spoil_configuration(&self, configuration: &str) -> Result<()> {
        self.replace(CONFIGURATION, configuration.as_bytes())
    }

    /// Replaces a module until [`Self::restore`]; `None` removes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn spoil_module(&self, name: &str, bytes: Option<&[u8]>) -> Result<()> {
        match bytes {
            Some(bytes) => self.replace(&module_file(name), bytes),
            None => fs::remove_file(self.root.join(module_file(name)))
                .context("failed to remove a module"),
        }
    }

    /// Restores the intended content of all files.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn restore(&self) -> Result<()> {
        let modules = self.modules.iter();
        let modules = modules.map(|(name, bytes)| (module_file(name), bytes.as_slice()));
        let configuration = (CONFIGURATION.to_owned(), self.configuration.as_bytes());
        for (file, content) in modules.chain([configuration]) {
            let found = fs::read(self.root.join(&file));
            if found.is_ok_and(|found| found == content) {
                continue;
            }
            self.replace(&file, content)?;
        }
        Ok(())
    }

    /// Replaces a module by an equivalent one with another digest.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn mark_module(&mut self, name: &str) -> Result<()> {
        let marked = self.marked(name);
        self.put_module(name, marked)
    }

    /// Like [`Self::mark_module`], but overwrites the file in place and in pieces, like `cp`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn copy_over_module(&mut self, name: &str) -> Result<()> {
        let marked = self.marked(name);
        let (start, end) = marked.split_at(marked.len() / 2);
        let mut file = File::create(self.root.join(module_file(name)))?;
        file.write_all(start)?;
        file.write_all(end)?;
        self.modules.insert(name.to_owned(), marked);
        Ok(())
    }

    /// Replaces the whole directory by one with `configuration` and the intended modules.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn swap(&mut self, configuration: String) -> Result<()> {
        let old = self.root.join(version_name(self.version));
        self.version += 1;
        let name = version_name(self.version);
        let directory = self.root.join(&name);
        fs::create_dir_all(directory.join(MODULES))?;
        fs::write(directory.join(CONFIGURATION), &configuration)?;
        for (module, bytes) in &self.modules {
            fs::write(directory.join(module_file(module)), bytes)?;
        }
        let link = self.root.join("..data_new");
        symlink(name, &link)?;
        fs::rename(link, self.root.join(DATA))?;
        // The kubelet removes the old version as well, even from under a reader.
        fs::remove_dir_all(old)?;
        self.configuration = configuration;
        Ok(())
    }

    fn put_module(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.replace(&module_file(name), &bytes)?;
        self.modules.insert(name.to_owned(), bytes);
        Ok(())
    }

    /// Returns the module with an additional custom section without meaning.
    fn marked(&mut self, name: &str) -> Vec<u8> {
        const SECTION: &[u8; 7] = b"\x00\x0d\x04soak";
        self.marks += 1;
        let mut module = self.module(name).to_owned();
        let mark_start = module.len().saturating_sub(SECTION.len() + 8);
        if module
            .get(mark_start..)
            .is_some_and(|end| end.starts_with(SECTION))
        {
            module.truncate(mark_start);
        }
        module.extend_from_slice(SECTION);
        module.extend_from_slice(&self.marks.to_le_bytes());
        module
    }

    /// Replaces a file by a rename, so that readers see the old or the new content.
    fn replace(&self, file: &str, content: &[u8]) -> Result<()> {
        let path = self.root.join(DATA).join(file);
        let new = path.with_extension("new");
        fs::write(&new, content)
            .and_then(|()| fs::rename(&new, &path))
            .with_context(|| format!("failed to replace `{}`", path.display()))
    }
}

fn module_file(name: &str) -> String {
    format!("{MODULES}/{name}.wasm")
}

fn version_name(version: u64) -> String {
    format!("..version-{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_custom_section_that_replaces_the_previous_one() {
        let module = b"\0asm\x01\0\0\0".to_vec();
        let mut mount = Mount {
            root: PathBuf::new(),
            modules: BTreeMap::from([("m".to_owned(), module)]),
            configuration: String::new(),
            version: 0,
            marks: 0,
        };
        let once = mount.marked("m");
        assert_eq!(once[8..10], [0, 13]);
        assert_eq!(once.len(), 8 + 2 + 13);
        mount.modules.insert("m".to_owned(), once.clone());
        let twice = mount.marked("m");
        assert_eq!(twice.len(), once.len());
        assert_ne!(twice, once);
    }
}
