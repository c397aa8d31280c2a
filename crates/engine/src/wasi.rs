//! WASI preview 1, as much as an entry point needs: standard streams, arguments, clocks, random
//! bytes, sleep, exit.
//!
//! There are no files, sockets or environment variables. Every function of `wasi_snapshot_preview1`
//! links, because libraries import more than they call; those that would need more answer an error
//! number. A bad pointer answers `EFAULT`. This and the files below it are all that a module can
//! reach.

use wasmtime::{Caller, FuncType, Linker, Val, ValType};

use crate::guest::Guest;
use crate::imports::{Function, ImportSet};
use crate::inspect::ValueType;
use crate::limits::Limits;
use crate::state::{State, Stop};
use crate::wasi::errno::{Errno, Refusal};
use crate::wasi::stdio::Stdio;
use crate::wasi::system::{Arguments, Clocks};

mod errno;
mod poll;
mod stdio;
mod system;

const MODULE: &str = "wasi_snapshot_preview1";

/// The import set.
pub(crate) const IMPORTS: ImportSet = ImportSet {
    module: MODULE,
    functions: FUNCTIONS,
    link,
};

/// What WASI keeps for one call.
pub(crate) struct Wasi {
    pub(crate) stdio: Stdio,
    clocks: Clocks,
    arguments: Arguments,
}

impl Wasi {
    pub(crate) fn new(stdin: Vec<u8>, limits: &Limits) -> Self {
        Self {
            stdio: Stdio::new(stdin, limits),
            clocks: Clocks::start(),
            arguments: Arguments::default(),
        }
    }

    /// What the module finds as its arguments, the name of the program first.
    pub(crate) fn set_arguments(&mut self, arguments: &[&str]) {
        self.arguments = Arguments::new(arguments);
    }
}

const I: ValueType = ValueType::I32;
const L: ValueType = ValueType::I64;

/// All of preview 1, in the order of its documentation.
const FUNCTIONS: &[Function] = &[
    function("args_get", &[I, I]),
    function("args_sizes_get", &[I, I]),
    function("environ_get", &[I, I]),
    function("environ_sizes_get", &[I, I]),
    function("clock_res_get", &[I, I]),
    function("clock_time_get", &[I, L, I]),
    function("fd_advise", &[I, L, L, I]),
    function("fd_allocate", &[I, L, L]),
    function("fd_close", &[I]),
    function("fd_datasync", &[I]),
    function("fd_fdstat_get", &[I, I]),
    function("fd_fdstat_set_flags", &[I, I]),
    function("fd_fdstat_set_rights", &[I, L, L]),
    function("fd_filestat_get", &[I, I]),
    function("fd_filestat_set_size", &[I, L]),
    function("fd_filestat_set_times", &[I, L, L, I]),
    function("fd_pread", &[I, I, I, L, I]),
    function("fd_prestat_get", &[I, I]),
    function("fd_prestat_dir_name", &[I, I, I]),
    function("fd_pwrite", &[I, I, I, L, I]),
    function("fd_read", &[I, I, I, I]),
    function("fd_readdir", &[I, I, I, L, I]),
    function("fd_renumber", &[I, I]),
    function("fd_seek", &[I, L, I, I]),
    function("fd_sync", &[I]),
    function("fd_tell", &[I, I]),
    function("fd_write", &[I, I, I, I]),
    function("path_create_directory", &[I, I, I]),
    function("path_filestat_get", &[I, I, I, I, I]),
    function("path_filestat_set_times", &[I, I, I, I, L, L, I]),
    function("path_link", &[I, I, I, I, I, I, I]),
    function("path_open", &[I, I, I, I, I, L, L, I, I]),
    function("path_readlink", &[I, I, I, I, I, I]),
    function("path_remove_directory", &[I, I, I]),
    function("path_rename", &[I, I, I, I, I, I]),
    function("path_symlink", &[I, I, I, I, I]),
    function("path_unlink_file", &[I, I, I]),
    function("poll_oneoff", &[I, I, I, I]),
    Function {
        name: "proc_exit",
        params: &[I],
        results: &[],
    },
    function("proc_raise", &[I]),
    function("sched_yield", &[]),
    function("random_get", &[I, I]),
    function("sock_accept", &[I, I, I]),
    function("sock_recv", &[I, I, I, I, I, I]),
    function("sock_send", &[I, I, I, I, I]),
    function("sock_shutdown", &[I, I]),
];

/// What the functions that always refuse answer about an open descriptor; about any other it is
/// `EBADF`.
const REFUSED: &[(&str, Errno)] = &[
    ("fd_advise", Errno::Spipe),
    ("fd_allocate", Errno::Spipe),
    ("fd_datasync", Errno::Inval),
    ("fd_fdstat_set_flags", Errno::Notsup),
    ("fd_fdstat_set_rights", Errno::Notcapable),
    ("fd_filestat_set_size", Errno::Inval),
    ("fd_filestat_set_times", Errno::Notcapable),
    ("fd_pread", Errno::Spipe),
    // Libraries count upwards from descriptor 3 and stop at the first that is not a directory
    // opened for them.
    ("fd_prestat_get", Errno::Badf),
    ("fd_prestat_dir_name", Errno::Badf),
    ("fd_pwrite", Errno::Spipe),
    ("fd_readdir", Errno::Notdir),
    ("fd_renumber", Errno::Notsup),
    ("fd_seek", Errno::Spipe),
    ("fd_sync", Errno::Inval),
    ("fd_tell", Errno::Spipe),
    ("path_create_directory", Errno::Notdir),
    ("path_filestat_get", Errno::Notdir),
    ("path_filestat_set_times", Errno::Notdir),
    ("path_link", Errno::Notdir),
    ("path_open", Errno::Notdir),
    ("path_readlink", Errno::Notdir),
    ("path_remove_directory", Errno::Notdir),
    ("path_rename", Errno::Notdir),
    ("path_symlink", Errno::Notdir),
    ("path_unlink_file", Errno::Notdir),
    ("sock_accept", Errno::Notsock),
    ("sock_recv", Errno::Notsock),
    ("sock_send", Errno::Notsock),
    ("sock_shutdown", Errno::Notsock),
];

const fn function(name: &'static str, params: &'static [ValueType]) -> Function {
    Function::new(name, params, &[I])
}

/// Links functions that work on the memory and state of their caller, each under its own name.
macro_rules! link_served {
    ($linker:ident, $($file:ident::$function:ident($($parameter:ident: $ty:ty),*);)*) => {$(
        $linker.func_wrap(
            MODULE,
            stringify!($function),
            |mut caller: Caller<'_, State>, $($parameter: $ty),*| {
                serve(&mut caller, |guest| $file::$function(guest, $($parameter),*))
            },
        )?;
    )*};
}

fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    link_served! { linker,
        system::args_get(argv: u32, text: u32);
        system::args_sizes_get(count: u32, len: u32);
        system::environ_get(environ: u32, text: u32);
        system::environ_sizes_get(count: u32, len: u32);
        system::clock_res_get(clock: u32, out: u32);
        system::clock_time_get(clock: u32, precision: u64, out: u32);
        system::random_get(pointer: u32, len: u32);
        stdio::fd_read(fd: u32, vectors: u32, count: u32, out: u32);
        stdio::fd_write(fd: u32, vectors: u32, count: u32, out: u32);
        stdio::fd_close(fd: u32);
        stdio::fd_fdstat_get(fd: u32, out: u32);
        stdio::fd_filestat_get(fd: u32, out: u32);
    }
    linker.func_wrap_async(
        MODULE,
        "poll_oneoff",
        |caller, (subscriptions, events, count, out): (u32, u32, u32, u32)| {
            Box::new(poll::poll_oneoff(caller, subscriptions, events, count, out))
        },
    )?;
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Stop::Exit(code)))
    })?;
    linker.func_wrap(MODULE, "proc_raise", |_signal: u32| Errno::Nosys.number())?;
    // The module is interrupted often enough without asking.
    linker.func_wrap(MODULE, "sched_yield", || Errno::Success.number())?;
    for (name, errno) in REFUSED {
        link_refused(linker, name, *errno)?;
    }
    Ok(())
}

/// Links a function that always refuses. The first parameter of each is a descriptor
/// (`path_symlink` has a pointer there, and answers about a descriptor that nobody has opened).
fn link_refused(
    linker: &mut Linker<State>,
    name: &'static str,
    errno: Errno,
) -> wasmtime::Result<()> {
    let params = FUNCTIONS
        .iter()
        .find(|function| function.name == name)
        .map_or(&[][..], |function| function.params);
    let params = params
        .iter()
        .map(|ty| if *ty == L { ValType::I64 } else { ValType::I32 });
    let ty = FuncType::new(linker.engine(), params, [ValType::I32]);
    linker.func_new(MODULE, name, ty, move |caller, params, results| {
        let fd = params
            .first()
            .and_then(Val::i32)
            .map_or(u32::MAX, i32::cast_unsigned);
        let answer = caller
            .data()
            .wasi
            .stdio
            .stream(fd)
            .map_or_else(|bad| bad, |_| errno);
        if let Some(result) = results.first_mut() {
            *result = Val::I32(answer.number().cast_signed());
        }
        Ok(())
    })?;
    Ok(())
}

/// Runs a host function on the memory and state of its caller and answers the error number.
fn serve(
    caller: &mut Caller<'_, State>,
    function: impl FnOnce(&mut Guest<'_>) -> Result<(), Refusal>,
) -> wasmtime::Result<u32> {
    let outcome = Guest::of(caller)
        .map_err(Refusal::Stop)
        .and_then(|mut guest| function(&mut guest));
    answer(outcome)
}

/// The error number for the module, or the end of the call.
fn answer(outcome: Result<(), Refusal>) -> wasmtime::Result<u32> {
    match outcome {
        Ok(()) => Ok(Errno::Success.number()),
        Err(Refusal::Errno(errno)) => Ok(errno.number()),
        Err(Refusal::Stop(stop)) => Err(wasmtime::Error::new(stop)),
    }
}
