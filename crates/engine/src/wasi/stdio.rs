//! The three standard streams: input, output and log, all bounded.

use crate::core::limits::Limits;
use crate::core::memory::{GuestMemory, element, offset};
use crate::core::stop::Stop;
use crate::wasi::errno::{Errno, WasiError};

/// Maximum number of buffers in one read or write, as on Linux.
const MAX_VECTORS: u32 = 1024;

/// Size of a pointer and a length.
const VECTOR_SIZE: u32 = 8;

/// Last line of a truncated log.
const TRUNCATED: &[u8] = b"\n[the rest of the log was dropped]\n";

/// Right `FD_READ`.
const RIGHT_READ: u64 = 1 << 1;
/// Right `FD_WRITE`.
const RIGHT_WRITE: u64 = 1 << 6;
/// Rights `FD_FILESTAT_GET` and `POLL_FD_READWRITE`.
const RIGHTS_ALL: u64 = (1 << 21) | (1 << 27);

/// One of the descriptors 0, 1 and 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdin,
    Stdout,
    Stderr,
}

/// The streams of one call.
pub(crate) struct Stdio {
    stdin: Vec<u8>,
    /// Number of bytes of `stdin` that have been read.
    position: usize,
    stdout: Vec<u8>,
    max_stdout: usize,
    log: Log,
    /// True if output on stdout is part of the log.
    stdout_is_log: bool,
    /// Closed streams, by descriptor.
    closed: [bool; 3],
}

/// The log of a module, truncated at a maximum length.
struct Log {
    bytes: Vec<u8>,
    max: usize,
    truncated: bool,
}

impl Stdio {
    pub(crate) fn new(stdin: Vec<u8>, limits: &Limits) -> Self {
        Self {
            stdin,
            position: 0,
            stdout: Vec::new(),
            max_stdout: limits.stdout.as_len(),
            log: Log {
                bytes: Vec::new(),
                max: limits.stderr.as_len(),
                truncated: false,
            },
            stdout_is_log: false,
            closed: [false; 3],
        }
    }

    /// Redirects stdout to the log, for modules that pass their response to the host by a function.
    pub(crate) fn redirect_stdout_to_log(&mut self) {
        self.stdout_is_log = true;
    }

    /// Appends a line to the log.
    pub(crate) fn log_line(&mut self, line: &[u8]) {
        self.log.write(line);
        self.log.write(b"\n");
    }

    /// Appends to the unread input. Drops the input that was read.
    pub(crate) fn append_stdin(&mut self, bytes: &[u8]) {
        self.stdin.drain(..self.position.min(self.stdin.len()));
        self.position = 0;
        self.stdin.extend_from_slice(bytes);
    }

    /// Takes the output on stdout.
    pub(crate) fn take_stdout(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.stdout)
    }

    /// Returns the log. If it was truncated, its last line says so.
    pub(crate) fn into_log(mut self) -> Vec<u8> {
        if self.log.truncated {
            self.log.bytes.extend_from_slice(TRUNCATED);
        }
        self.log.bytes
    }

    /// Returns the open stream with the descriptor `fd`.
    pub(crate) fn stream(&self, fd: u32) -> Result<Stream, Errno> {
        let closed = usize::try_from(fd).ok().and_then(|fd| self.closed.get(fd));
        match (fd, closed) {
            (0, Some(false)) => Ok(Stream::Stdin),
            (1, Some(false)) => Ok(Stream::Stdout),
            (2, Some(false)) => Ok(Stream::Stderr),
            _ => Err(Errno::Badf),
        }
    }

    /// Returns the number of bytes of stdin that have not been read.
    pub(crate) fn unread(&self) -> usize {
        self.stdin.len().saturating_sub(self.position)
    }

    /// Reads as much of stdin as fits into `buffer`, and returns the number of bytes.
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.stdin.get(self.position..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(from), Some(to)) = (rest.get(..len), buffer.get_mut(..len)) {
            to.copy_from_slice(from);
        }
        self.position = self.position.saturating_add(len);
        len
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), WasiError> {
        match stream {
            Stream::Stdin => Err(Errno::Badf.into()),
            Stream::Stdout if self.stdout_is_log => {
                self.log.write(bytes);
                Ok(())
            }
            Stream::Stdout if bytes.len() > self.max_stdout.saturating_sub(self.stdout.len()) => {
                Err(Stop::OutputTooLarge.into())
            }
            Stream::Stdout => {
                self.stdout.extend_from_slice(bytes);
                Ok(())
            }
            Stream::Stderr => {
                self.log.write(bytes);
                Ok(())
            }
        }
    }
}

impl Log {
    fn write(&mut self, bytes: &[u8]) {
        let room = self.max.saturating_sub(self.bytes.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(kept);
        self.truncated |= kept.len() < bytes.len();
    }
}

/// The functions of WASI.
impl Stdio {
    pub(super) fn fd_read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        out: u32,
    ) -> Result<(), WasiError> {
        if self.stream(fd)? != Stream::Stdin {
            return Err(Errno::Badf.into());
        }
        let mut total: u32 = 0;
        for index in 0..checked_count(count)? {
            let (pointer, len) = vector(memory, vectors, index)?;
            let read = self.read(memory.slice_mut(pointer, len)?);
            total = total.saturating_add(u32::try_from(read).map_err(|_| Errno::Inval)?);
            if self.unread() == 0 {
                break;
            }
        }
        Ok(memory.write_u32(out, total)?)
    }

    pub(super) fn fd_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        out: u32,
    ) -> Result<(), WasiError> {
        let stream = self.stream(fd)?;
        let mut total: u32 = 0;
        for index in 0..checked_count(count)? {
            let (pointer, len) = vector(memory, vectors, index)?;
            total = total.checked_add(len).ok_or(Errno::Inval)?;
            self.write(stream, memory.read(pointer, len)?)?;
        }
        Ok(memory.write_u32(out, total)?)
    }

    pub(super) fn fd_close(
        &mut self,
        _memory: &mut GuestMemory<'_>,
        fd: u32,
    ) -> Result<(), WasiError> {
        self.stream(fd)?;
        let closed = usize::try_from(fd)
            .ok()
            .and_then(|fd| self.closed.get_mut(fd))
            .ok_or(Errno::Badf)?;
        *closed = true;
        Ok(())
    }

    /// Writes the unknown file type, as for pipes: with a terminal, libraries would write line by
    /// line.
    pub(super) fn fd_fdstat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        out: u32,
    ) -> Result<(), WasiError> {
        let rights = match self.stream(fd)? {
            Stream::Stdin => RIGHTS_ALL | RIGHT_READ,
            Stream::Stdout | Stream::Stderr => RIGHTS_ALL | RIGHT_WRITE,
        };
        // file type (1), flags (2, at 2), rights (8, at 8), inherited rights (8, at 16)
        let fdstat = memory.slice_mut(out, 24)?;
        fdstat.fill(0);
        Ok(memory.write_u64(offset(out, 8)?, rights)?)
    }

    /// Writes zeros: no device and inode, unknown type, no size and times.
    pub(super) fn fd_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        out: u32,
    ) -> Result<(), WasiError> {
        self.stream(fd)?;
        memory.slice_mut(out, 64)?.fill(0);
        Ok(())
    }
}

fn checked_count(count: u32) -> Result<u32, Errno> {
    if count <= MAX_VECTORS {
        Ok(count)
    } else {
        Err(Errno::Inval)
    }
}

/// Reads the pointer and length of one buffer.
fn vector(memory: &GuestMemory<'_>, vectors: u32, index: u32) -> Result<(u32, u32), Errno> {
    let at = element(vectors, index, VECTOR_SIZE)?;
    Ok((memory.read_u32(at)?, memory.read_u32(offset(at, 4)?)?))
}
