//! The files that a policy set was loaded from, and whether they have changed since.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The state of files right before they were read.
///
/// A file that changes while it is read differs from that state, so the change is noticed the next
/// time. Comparing is cheap enough for every second: no file is read.
#[derive(Debug, Default)]
pub(crate) struct FileFingerprints {
    /// `None` for a file that does not exist.
    files: RefCell<BTreeMap<PathBuf, Option<Fingerprint>>>,
}

/// The metadata that distinguishes two states of a file. Symbolic links are followed: a mounted
/// ConfigMap changes when the link above it points to another directory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl FileFingerprints {
    /// Records a file that is about to be read. A missing file is recorded too: it may be created.
    pub(crate) fn record(&self, path: &Path) {
        let mut files = self.files.borrow_mut();
        // If a file is read twice, its first state counts.
        if !files.contains_key(path) {
            files.insert(path.to_owned(), Fingerprint::read(path));
        }
    }

    /// Returns true if a file has changed since it was recorded.
    pub(crate) fn are_stale(&self) -> bool {
        let files = self.files.borrow();
        files
            .iter()
            .any(|(path, fingerprint)| Fingerprint::read(path) != *fingerprint)
    }
}

impl Fingerprint {
    fn read(path: &Path) -> Option<Self> {
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

    fn fingerprints(path: &Path) -> FileFingerprints {
        let fingerprints = FileFingerprints::default();
        fingerprints.record(path);
        fingerprints
    }

    #[test]
    fn an_unchanged_file_is_not_stale() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "1").unwrap();
        assert!(!fingerprints(&file).are_stale());
    }

    #[test]
    fn a_written_replaced_removed_or_created_file_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "1").unwrap();
        let before = fingerprints(&file);
        fs::write(&file, "22").unwrap();
        assert!(before.are_stale());

        let before = fingerprints(&file);
        fs::write(&other, "33").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(before.are_stale());

        let before = fingerprints(&file);
        fs::remove_file(&file).unwrap();
        assert!(before.are_stale());

        let before = fingerprints(&file);
        assert!(!before.are_stale());
        fs::write(&file, "33").unwrap();
        assert!(before.are_stale());
    }

    #[test]
    fn a_file_below_a_replaced_symbolic_link_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["v1", "v2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("policy"), "same").unwrap();
        }
        symlink("v1", at("data")).unwrap();
        let before = fingerprints(&at("data").join("policy"));
        symlink("v2", at("new")).unwrap();
        fs::rename(at("new"), at("data")).unwrap();
        assert!(before.are_stale());
    }

    #[test]
    fn the_first_state_of_a_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let before = fingerprints(&file);
        fs::write(&file, "1").unwrap();
        before.record(&file);
        assert!(before.are_stale());
    }
}
