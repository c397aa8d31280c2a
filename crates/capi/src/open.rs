//! The life of a host: opened from a configuration, reloaded, closed.

use std::path::PathBuf;
use std::ptr;
use std::time::Duration;

use ::host::config::{self, Format};
use ::host::live::LiveOptions;
use ::host::{FileModules, Live, Reload, error_chain};
use capabilities::{Capabilities, ServiceOptions, Services};
use observe::Observer;
use tokio::runtime::{self, Runtime};

use crate::cpu_permits::CpuPermits;
use crate::ffi::{self, Buffer, CallError, Output};
use crate::log::Log;
use crate::types::{
    Bytes, FORMAT_ADMISSION, FORMAT_ADMISSION_PLUGIN, FORMAT_AUTHENTICATION, FORMAT_AUTHORIZATION,
    FORMAT_CONFIGURATION, Options, STATUS_UNCHANGED, Source, Status,
};

/// The time that closing a host waits for the queries of its policies, whose results are no longer
/// needed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A policy set with an engine, a pool of instances and queues of its own. Hosts do not wait for
/// each other.
pub struct Host {
    pub(crate) live: Live,
    /// Runs timers, and the queries of policies. Modules run on the threads of the callers.
    pub(crate) runtime: Runtime,
    pub(crate) log: Log,
    pub(crate) cpu_permits: CpuPermits,
    pub(crate) observer: Observer,
}

/// Loads a configuration and all of its modules. Compiling takes up to seconds for each module that
/// is not in the code cache.
///
/// Then the lock-out guard probes the policies with the operations that a cluster needs, for at
/// most two minutes. Policies that block one of them fail the call, except for those that
/// `lockOutGuard.exempt` lists.
///
/// OK: `*host` is a host, and `*max_concurrent_calls` is the number of modules that it runs at once
/// (`engine.maxConcurrentCalls`): more threads than that only wait. Otherwise `*host` is null, and
/// `error` is a message. INVALID_CONFIGURATION reports every error, one per line with file, line
/// and field, or the operations that are blocked. `options`, `max_concurrent_calls` and `error` may
/// be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_open(
    source: *const Source,
    options: *const Options,
    host: *mut *mut Host,
    max_concurrent_calls: *mut u32,
    error: *mut Buffer,
) -> Status {
    // SAFETY: a buffer of the caller, or null.
    let error = unsafe { Output::new(error) };
    ffi::run(&error, || {
        // SAFETY: each is null, or valid for the duration of the call.
        let (source, options, host, max_concurrent_calls) = unsafe {
            (
                source.as_ref(),
                options.as_ref(),
                host.as_mut(),
                max_concurrent_calls.as_mut(),
            )
        };
        let host = host.ok_or_else(|| CallError::invalid_argument("`host` is null"))?;
        *host = ptr::null_mut();
        let source = source.ok_or_else(|| CallError::invalid_argument("`source` is null"))?;
        let log = Log::new(options)?;
        // SAFETY: their bytes are borrowed for the duration of the call.
        let parts = unsafe { parts(source, options) }?;
        let live = log.during(|| open(parts))?;
        let runtime = runtime()?;
        let policies = live.current();
        if let Some(max_concurrent_calls) = max_concurrent_calls {
            *max_concurrent_calls = policies.engine().usage().running_limit;
        }
        *host = Box::into_raw(Box::new(Host {
            observer: Observer::new(&policies, None),
            live,
            runtime,
            log,
            cpu_permits: CpuPermits::new(),
        }));
        Ok(Vec::new())
    })
}

/// Reloads everything if a file has changed that the host was loaded from: its configuration
/// (unless given as text), the files that it names, the modules. Calls that are running finish with
/// the previous policies. It is cheap if no file has changed; call it every second.
///
/// OK: reloaded. UNCHANGED: no file has changed. INVALID_CONFIGURATION: the files do not load, or
/// would lock the cluster out (see `k8s_wasm_open`); `message` is the reason, and the host keeps
/// its policies. Each change is reported once. If policies did not respond in time, later calls try
/// again, after 5 seconds at first and at most every minute, and every attempt that fails is
/// reported. `message` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_reload(host: *const Host, message: *mut Buffer) -> Status {
    // SAFETY: a buffer of the caller, or null.
    let message = unsafe { Output::new(message) };
    ffi::run(&message, || {
        // SAFETY: null, or created by `k8s_wasm_open` and not closed yet.
        let host = unsafe { host.as_ref() };
        let host = host.ok_or_else(|| CallError::invalid_argument("`host` is null"))?;
        host.log.during(|| host.reload())?;
        Ok(Vec::new())
    })
}

/// Closes a host after all other calls with it have returned. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_close(host: *mut Host) {
    ffi::catch_panic(|| {
        if host.is_null() {
            return;
        }
        // SAFETY: a box of `k8s_wasm_open` that is no longer used.
        let Host {
            live, runtime, log, ..
        } = *unsafe { Box::from_raw(host) };
        runtime.shutdown_timeout(CLOSE_TIMEOUT);
        drop((live, log));
    });
}

impl Host {
    fn reload(&self) -> Result<(), CallError> {
        let reloaded = self.live.reload();
        if !matches!(reloaded, Ok(Reload::Unchanged)) {
            release_memory();
        }
        match reloaded {
            Ok(Reload::Changed) => {
                let policies = self.live.current();
                self.observer.record_reload(&policies);
                observe::log_policies(&policies);
                Ok(())
            }
            Ok(Reload::Unchanged) => Err(CallError::new(STATUS_UNCHANGED, "")),
            Err(error) => {
                self.observer.record_failed_reload();
                Err(CallError::invalid_configuration(error_chain(&error)))
            }
        }
    }
}

/// Returns free memory to the operating system. A reload compiles on many short-lived threads, and
/// libc otherwise keeps the free memory in the arenas of those threads.
fn release_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: any thread may call it at any time (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

fn open(parts: LiveOptions) -> Result<Live, CallError> {
    let live =
        Live::open(parts).map_err(|error| CallError::invalid_configuration(error_chain(&error)))?;
    observe::log_policies(&live.current());
    Ok(live)
}

/// # Safety
/// The bytes of both are valid for the duration of this call.
unsafe fn parts(source: &Source, options: Option<&Options>) -> Result<LiveOptions, CallError> {
    let path = |bytes: Option<Bytes>, name| -> Result<Option<PathBuf>, CallError> {
        match bytes {
            // SAFETY: guaranteed by the caller.
            Some(bytes) => unsafe { bytes.to_path(name) },
            None => Ok(None),
        }
    };
    let code_cache = path(
        options.map(|options| options.code_cache),
        "options.code_cache",
    )?;
    let kubeconfig = path(
        options.map(|options| options.kubeconfig),
        "options.kubeconfig",
    )?;
    let services = Services::new(ServiceOptions {
        kubeconfig,
        ..ServiceOptions::default()
    });
    Ok(LiveOptions {
        gate: Box::new(preflight::LockOutGuard),
        // SAFETY: guaranteed by the caller.
        sources: vec![unsafe { source.read() }?],
        modules: Box::new(FileModules),
        capabilities: Capabilities::live(services),
        code_cache,
    })
}

impl Source {
    /// # Safety
    /// Its bytes are valid for the duration of this call.
    unsafe fn read(&self) -> Result<config::Source, CallError> {
        let format = match self.format {
            FORMAT_CONFIGURATION => Format::Configuration,
            FORMAT_AUTHENTICATION => Format::Authentication,
            FORMAT_AUTHORIZATION => Format::Authorization,
            FORMAT_ADMISSION => Format::Admission,
            FORMAT_ADMISSION_PLUGIN => Format::AdmissionPlugin,
            _ => return Err(CallError::invalid_argument("`source.format` is unknown")),
        };
        // SAFETY: guaranteed by the caller.
        let path = unsafe { self.path.to_path("source.path") }?;
        // SAFETY: guaranteed by the caller.
        let text = unsafe { self.text.as_slice("source.text") }?;
        match path {
            _ if !self.text.is_null() => {
                let path = path.unwrap_or_default();
                Ok(config::Source::text(format, path, text.to_vec()))
            }
            Some(path) => Ok(config::Source::file(format, path)),
            None => Err(CallError::invalid_argument(
                "`source` has neither a path nor a text",
            )),
        }
    }
}

fn runtime() -> Result<Runtime, CallError> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("k8s-wasm")
        .enable_all()
        .build()
        .map_err(|_| CallError::internal())
}
