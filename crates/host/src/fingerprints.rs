//! Which files a set of policies was read from, and whether they are still the same: cheap enough to ask every second.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files as they were right before they were read.
///
/// What changes while it is being read differs from that, so that the change is noticed the next time.
#[derive(Debug, Default)]
pub(crate) struct Footprint {
    files: RefCell<BTreeMap<PathBuf, Option<Stamp>>>,
}

/// What tells two states of a file apart without reading it. Symbolic links are followed: a mounted ConfigMap changes by
/// another target of the link above it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Footprint {
    /// Remembers a file that is about to be read. One that is not there is remembered, too: it may come.
    pub(crate) fn add(&self, path: &Path) {
        let mut files = self.files.borrow_mut();
        // A file that is read twice counts as it was at first.
        if !files.contains_key(path) {
            files.insert(path.to_owned(), Stamp::of(path));
        }
    }

    /// Whether a file is another than it was.
    pub(crate) fn is_stale(&self) -> bool {
        let files = self.files.borrow();
        files.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn footprint(path: &Path) -> Footprint {
        let footprint = Footprint::default();
        footprint.add(path);
        footprint
    }

    #[test]
    fn a_file_that_stays_is_fresh() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        fs::write(&file, "1").expect("a file");
        assert!(!footprint(&file).is_stale());
    }

    #[test]
    fn a_file_that_is_written_replaced_removed_or_made_is_stale() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, other) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "1").expect("a file");
        let before = footprint(&file);
        fs::write(&file, "22").expect("written");
        assert!(before.is_stale());

        let before = footprint(&file);
        fs::write(&other, "33").expect("a file");
        fs::rename(&other, &file).expect("replaced");
        assert!(before.is_stale());

        let before = footprint(&file);
        fs::remove_file(&file).expect("removed");
        assert!(before.is_stale());

        let before = footprint(&file);
        assert!(!before.is_stale());
        fs::write(&file, "33").expect("made");
        assert!(before.is_stale());
    }

    #[test]
    fn a_file_below_a_link_that_is_swapped_is_stale() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for version in ["v1", "v2"] {
            fs::create_dir(at(version)).expect("a folder");
            fs::write(at(version).join("policy"), "same").expect("a file");
        }
        symlink("v1", at("data")).expect("a link");
        let before = footprint(&at("data").join("policy"));
        symlink("v2", at("new")).expect("a link");
        fs::rename(at("new"), at("data")).expect("swapped");
        assert!(before.is_stale());
    }

    #[test]
    fn a_file_counts_as_it_was_when_it_was_read_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        let before = footprint(&file);
        fs::write(&file, "1").expect("a file");
        before.add(&file);
        assert!(before.is_stale());
    }
}
