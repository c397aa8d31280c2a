//! The three standard streams: the request comes in, the answer and the log go out, all within
//! limits.

use crate::guest::{Guest, GuestMemory, element, offset};
use crate::limits::Limits;
use crate::state::Stop;
use crate::wasi::errno::{Errno, Refusal};

/// The most buffers in one read or write, as on Linux.
const VECTORS_MAX: u32 = 1024;

/// The size of a pointer and a length.
const VECTOR_SIZE: u32 = 8;

/// The last line of a log that was cut.
const CUT: &[u8] = b"\n[the rest of the log was dropped]\n";

/// `FD_READ`, `FD_WRITE`, `FD_FILESTAT_GET`, `POLL_FD_READWRITE`.
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;
const RIGHTS_ALL: u64 = (1 << 21) | (1 << 27);

/// One of the descriptors 0, 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdin,
    Stdout,
    Stderr,
}

/// The streams of one call.
pub(crate) struct Stdio {
    stdin: Vec<u8>,
    /// How much of `stdin` has been read.
    taken: usize,
    stdout: Vec<u8>,
    stdout_max: usize,
    stderr: Log,
    /// Whether stdout is a log, too.
    stdout_is_log: bool,
    /// Which streams are closed, by descriptor.
    closed: [bool; 3],
}

/// What a module writes to stderr, up to a limit.
struct Log {
    bytes: Vec<u8>,
    max: usize,
    cut: bool,
}

impl Stdio {
    pub(crate) fn new(stdin: Vec<u8>, limits: &Limits) -> Self {
        Self {
            stdin,
            taken: 0,
            stdout: Vec::new(),
            stdout_max: limits.stdout.as_len(),
            stderr: Log {
                bytes: Vec::new(),
                max: limits.stderr.as_len(),
                cut: false,
            },
            stdout_is_log: false,
            closed: [false; 3],
        }
    }

    /// From now on what is written to stdout goes into the log: of a module that answers by other ways.
    pub(crate) fn log_everything(&mut self) {
        self.stdout_is_log = true;
    }

    /// Adds a line to the log.
    pub(crate) fn log_line(&mut self, line: &[u8]) {
        self.stderr.write(line);
        self.stderr.write(b"\n");
    }

    /// Adds to what the module can read from stdin. What was read is forgotten.
    pub(crate) fn append_input(&mut self, bytes: &[u8]) {
        self.stdin.drain(..self.taken.min(self.stdin.len()));
        self.taken = 0;
        self.stdin.extend_from_slice(bytes);
    }

    /// What the module wrote: stdout and stderr.
    pub(crate) fn into_output(mut self) -> (Vec<u8>, Vec<u8>) {
        if self.stderr.cut {
            self.stderr.bytes.extend_from_slice(CUT);
        }
        (self.stdout, self.stderr.bytes)
    }

    /// The open stream of this descriptor.
    pub(crate) fn stream(&self, fd: u32) -> Result<Stream, Errno> {
        let closed = usize::try_from(fd).ok().and_then(|fd| self.closed.get(fd));
        match (fd, closed) {
            (0, Some(false)) => Ok(Stream::Stdin),
            (1, Some(false)) => Ok(Stream::Stdout),
            (2, Some(false)) => Ok(Stream::Stderr),
            _ => Err(Errno::Badf),
        }
    }

    /// Bytes of stdin that have not been read.
    pub(crate) fn unread(&self) -> usize {
        self.stdin.len().saturating_sub(self.taken)
    }

    /// Copies as much of stdin as there is and fits, and says how much.
    fn take(&mut self, into: &mut [u8]) -> usize {
        let rest = self.stdin.get(self.taken..).unwrap_or_default();
        let len = rest.len().min(into.len());
        if let (Some(from), Some(into)) = (rest.get(..len), into.get_mut(..len)) {
            into.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(len);
        len
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Refusal> {
        match stream {
            Stream::Stdin => Err(Errno::Badf.into()),
            Stream::Stdout if self.stdout_is_log => {
                self.stderr.write(bytes);
                Ok(())
            }
            Stream::Stdout if bytes.len() > self.stdout_max.saturating_sub(self.stdout.len()) => {
                Err(Stop::OutputTooLarge.into())
            }
            Stream::Stdout => {
                self.stdout.extend_from_slice(bytes);
                Ok(())
            }
            Stream::Stderr => {
                self.stderr.write(bytes);
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
        self.cut |= kept.len() < bytes.len();
    }
}

pub(crate) fn fd_read(
    guest: &mut Guest<'_>,
    fd: u32,
    vectors: u32,
    count: u32,
    out: u32,
) -> Result<(), Refusal> {
    let stdio = &mut guest.state.wasi.stdio;
    if stdio.stream(fd)? != Stream::Stdin {
        return Err(Errno::Badf.into());
    }
    let mut total: u32 = 0;
    for index in 0..checked_count(count)? {
        let (pointer, len) = vector(&guest.memory, vectors, index)?;
        let read = stdio.take(guest.memory.slice_mut(pointer, len)?);
        total = total.saturating_add(u32::try_from(read).map_err(|_| Errno::Inval)?);
        if stdio.unread() == 0 {
            break;
        }
    }
    Ok(guest.memory.write_u32(out, total)?)
}

pub(crate) fn fd_write(
    guest: &mut Guest<'_>,
    fd: u32,
    vectors: u32,
    count: u32,
    out: u32,
) -> Result<(), Refusal> {
    let stdio = &mut guest.state.wasi.stdio;
    let stream = stdio.stream(fd)?;
    let mut total: u32 = 0;
    for index in 0..checked_count(count)? {
        let (pointer, len) = vector(&guest.memory, vectors, index)?;
        total = total.checked_add(len).ok_or(Errno::Inval)?;
        stdio.write(stream, guest.memory.read(pointer, len)?)?;
    }
    Ok(guest.memory.write_u32(out, total)?)
}

pub(crate) fn fd_close(guest: &mut Guest<'_>, fd: u32) -> Result<(), Refusal> {
    let stdio = &mut guest.state.wasi.stdio;
    stdio.stream(fd)?;
    let closed = usize::try_from(fd)
        .ok()
        .and_then(|fd| stdio.closed.get_mut(fd))
        .ok_or(Errno::Badf)?;
    *closed = true;
    Ok(())
}

/// A stream is of the unknown type, as pipes are: a terminal would make libraries write line by
/// line.
pub(crate) fn fd_fdstat_get(guest: &mut Guest<'_>, fd: u32, out: u32) -> Result<(), Refusal> {
    let rights = match guest.state.wasi.stdio.stream(fd)? {
        Stream::Stdin => RIGHTS_ALL | RIGHT_READ,
        Stream::Stdout | Stream::Stderr => RIGHTS_ALL | RIGHT_WRITE,
    };
    // file type (1), flags (2, at 2), rights (8, at 8), inherited rights (8, at 16)
    let fdstat = guest.memory.slice_mut(out, 24)?;
    fdstat.fill(0);
    Ok(guest.memory.write_u64(offset(out, 8)?, rights)?)
}

/// All zero: no device, no inode, unknown type, no size, no times.
pub(crate) fn fd_filestat_get(guest: &mut Guest<'_>, fd: u32, out: u32) -> Result<(), Refusal> {
    guest.state.wasi.stdio.stream(fd)?;
    guest.memory.slice_mut(out, 64)?.fill(0);
    Ok(())
}

fn checked_count(count: u32) -> Result<u32, Errno> {
    if count <= VECTORS_MAX {
        Ok(count)
    } else {
        Err(Errno::Inval)
    }
}

/// The pointer and length of one buffer.
fn vector(memory: &GuestMemory<'_>, vectors: u32, index: u32) -> Result<(u32, u32), Errno> {
    let at = element(vectors, index, VECTOR_SIZE)?;
    Ok((memory.read_u32(at)?, memory.read_u32(offset(at, 4)?)?))
}
