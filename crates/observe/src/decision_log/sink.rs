//! The output of the decision log: standard output, or a file that may be rotated.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between checks for a rotated file.
const ROTATION_CHECK_PERIOD: Duration = Duration::from_secs(1);

/// A buffered output for lines.
pub(super) enum Sink {
    Stdout(BufWriter<io::Stdout>),
    File(RotatedFile),
}

/// A file that is appended to, and opened again after it was renamed or removed.
pub(super) struct RotatedFile {
    path: PathBuf,
    file: BufWriter<File>,
    checked: Instant,
}

impl Sink {
    pub(super) fn stdout() -> Self {
        Self::Stdout(BufWriter::new(io::stdout()))
    }

    pub(super) fn file(path: PathBuf) -> io::Result<Self> {
        RotatedFile::open(path).map(Self::File)
    }

    /// Writes a line, and adds the line break.
    pub(super) fn write_line(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        match self {
            Self::Stdout(stdout) => stdout.write_all(&line),
            Self::File(file) => {
                file.reopen_if_rotated()?;
                file.file.write_all(&line)
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.file.flush(),
        }
    }

    /// Discards what could not be written, so that the next line starts at the beginning of a line.
    pub(super) fn reset(&mut self) {
        if let Self::File(file) = self {
            file.reset();
        }
    }
}

impl RotatedFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(append_to(&path)?),
            path,
            checked: Instant::now(),
        })
    }

    fn reset(&mut self) {
        let Ok(file) = append_to(&self.path) else {
            return;
        };
        let failed = std::mem::replace(&mut self.file, BufWriter::new(file));
        // Dropping the writer would write the discarded lines once more.
        drop(failed.into_parts());
        // The file may end with a part of a line. If this fails, so does the next line.
        let _ = self.file.write_all(b"\n");
    }

    fn reopen_if_rotated(&mut self) -> io::Result<()> {
        if self.checked.elapsed() < ROTATION_CHECK_PERIOD {
            return Ok(());
        }
        self.checked = Instant::now();
        let open = self.file.get_ref().metadata()?;
        let is_current = std::fs::metadata(&self.path)
            .is_ok_and(|current| (current.dev(), current.ino()) == (open.dev(), open.ino()));
        if !is_current {
            self.file.flush()?;
            self.file = BufWriter::new(append_to(&self.path)?);
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn creates_a_new_file_after_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions");
        let mut rotated = RotatedFile::open(path.clone()).unwrap();
        rotated.file.write_all(b"1\n").unwrap();
        fs::rename(&path, folder.path().join("decisions.1")).unwrap();
        rotated.checked = Instant::now().checked_sub(ROTATION_CHECK_PERIOD).unwrap();
        rotated.reopen_if_rotated().unwrap();
        rotated.file.write_all(b"2\n").unwrap();
        rotated.file.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2\n");
        let moved = fs::read_to_string(folder.path().join("decisions.1")).unwrap();
        assert_eq!(moved, "1\n");
    }
}
