//! WASI preview 1 for policies: standard streams, arguments, clocks, random bytes, sleep and exit.
//!
//! There are no files, sockets or environment variables. Every function of
//! `wasi_snapshot_preview1` links, because libraries import more than they call; the unsupported
//! ones return an error number. A pointer outside the memory returns `EFAULT`. Apart from host
//! calls, a module can reach nothing outside this folder.
//!
//! This is an extension of a linker: the state of a calling convention implements [`HasWasi`], and
//! [`link`] defines the functions.

mod context;
mod errno;
mod poll;
mod stdio;
mod system;

use wasmtime::{Caller, FuncType, Linker, Val, ValType};

pub(crate) use self::context::{HasWasi, Wasi};

use self::context::with_wasi;
use self::errno::Errno;
use self::poll::poll_oneoff;
use self::system::random_get;
use crate::core::imports::{Function, ImportSet};
use crate::core::inspect::ValueType;
use crate::core::state::CallState;
use crate::core::stop::Stop;

const MODULE: &str = "wasi_snapshot_preview1";

/// The import set of WASI.
pub(crate) const IMPORTS: ImportSet = ImportSet {
    module: MODULE,
    functions: FUNCTIONS,
    memory: None,
};

const I: ValueType = ValueType::I32;
const L: ValueType = ValueType::I64;

/// All functions of preview 1, in the order of its documentation.
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
    Function::new("proc_exit", &[I], &[]),
    function("proc_raise", &[I]),
    function("sched_yield", &[]),
    function("random_get", &[I, I]),
    function("sock_accept", &[I, I, I]),
    function("sock_recv", &[I, I, I, I, I, I]),
    function("sock_send", &[I, I, I, I, I]),
    function("sock_shutdown", &[I, I]),
];

/// Unsupported functions, and the error number that each returns for an open descriptor. For any
/// other descriptor it is `EBADF`.
const UNSUPPORTED: &[(&str, Errno)] = &[
    ("fd_advise", Errno::Spipe),
    ("fd_allocate", Errno::Spipe),
    ("fd_datasync", Errno::Inval),
    ("fd_fdstat_set_flags", Errno::Notsup),
    ("fd_fdstat_set_rights", Errno::Notcapable),
    ("fd_filestat_set_size", Errno::Inval),
    ("fd_filestat_set_times", Errno::Notcapable),
    ("fd_pread", Errno::Spipe),
    // Libraries count upwards from descriptor 3 and stop at the first one that is not a preopened
    // directory.
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

/// Defines functions that are methods of a field of [`Wasi`], each under its own name.
macro_rules! link_methods {
    ($linker:ident, $($field:ident.$method:ident($($parameter:ident: $ty:ty),*);)*) => {$(
        $linker.func_wrap(
            MODULE,
            stringify!($method),
            |mut caller: Caller<'_, CallState<S>>, $($parameter: $ty),*| {
                with_wasi(&mut caller, |wasi, memory| {
                    wasi.$field.$method(memory, $($parameter),*)
                })
            },
        )?;
    )*};
}

/// Defines the functions of [`IMPORTS`].
pub(crate) fn link<S: HasWasi>(linker: &mut Linker<CallState<S>>) -> wasmtime::Result<()> {
    link_methods! { linker,
        environment.args_get(argv: u32, text: u32);
        environment.args_sizes_get(count: u32, len: u32);
        environment.environ_get(environ: u32, text: u32);
        environment.environ_sizes_get(count: u32, len: u32);
        clocks.clock_res_get(clock: u32, out: u32);
        clocks.clock_time_get(clock: u32, precision: u64, out: u32);
        stdio.fd_read(fd: u32, vectors: u32, count: u32, out: u32);
        stdio.fd_write(fd: u32, vectors: u32, count: u32, out: u32);
        stdio.fd_close(fd: u32);
        stdio.fd_fdstat_get(fd: u32, out: u32);
        stdio.fd_filestat_get(fd: u32, out: u32);
    }
    linker.func_wrap(
        MODULE,
        "random_get",
        |mut caller: Caller<'_, CallState<S>>, pointer: u32, len: u32| {
            with_wasi(&mut caller, |_, memory| random_get(memory, pointer, len))
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "poll_oneoff",
        |caller, (subscriptions, events, count, out): (u32, u32, u32, u32)| {
            Box::new(poll_oneoff(caller, subscriptions, events, count, out))
        },
    )?;
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Stop::Exit(code)))
    })?;
    linker.func_wrap(MODULE, "proc_raise", |_signal: u32| Errno::Nosys.number())?;
    // The ticker interrupts the module often enough.
    linker.func_wrap(MODULE, "sched_yield", || Errno::Success.number())?;
    for (name, errno) in UNSUPPORTED {
        link_unsupported(linker, name, *errno)?;
    }
    Ok(())
}

/// Defines a function that always returns an error. The first parameter of each is a descriptor
/// (`path_symlink` has a pointer there, and treats it as a descriptor that is not open).
fn link_unsupported<S: HasWasi>(
    linker: &mut Linker<CallState<S>>,
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
        let stdio = &caller.data().convention.wasi().stdio;
        let errno = stdio.stream(fd).map_or_else(|bad| bad, |_| errno);
        if let Some(result) = results.first_mut() {
            *result = Val::I32(errno.number().cast_signed());
        }
        Ok(())
    })?;
    Ok(())
}
