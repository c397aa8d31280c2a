//! From a configuration to a host, to the one after it, and to its end.

use std::path::PathBuf;
use std::ptr;
use std::time::Duration;

use ::host::config::{self, Format};
use ::host::live::LiveOptions;
use ::host::{FileModules, Live, Reload, with_causes};
use capabilities::{Capabilities, ServiceOptions, Services};
use observe::Observer;
use tokio::runtime::{self, Runtime};

use crate::buffer::Buffer;
use crate::guard::{self, Out, Refused};
use crate::log::Log;
use crate::turns::Turns;
use crate::types::{
    FORMAT_ADMISSION, FORMAT_ADMISSION_PLUGIN, FORMAT_AUTHENTICATION, FORMAT_AUTHORIZATION,
    FORMAT_CONFIGURATION, Options, STATUS_UNCHANGED, Source, Status,
};

/// How long the end of a host waits for what its policies have asked of others: such answers are of no use any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A set of policies. Each has an engine, a pool of instances and a queue of its own: what holds one up does not hold up
/// another.
pub struct Host {
    pub(crate) live: Live,
    /// For deadlines, and for what policies ask of others. Modules run on the threads of the callers.
    pub(crate) runtime: Runtime,
    pub(crate) log: Log,
    pub(crate) turns: Turns,
    pub(crate) observer: Observer,
}

/// Loads a configuration and every module of it, which takes seconds when modules have to be compiled.
///
/// Then the policies are asked what a cluster asks in order to live, which takes two minutes at most, when they are slow;
/// those that would lock it out are refused, but for what `lockOutGuard` exempts.
///
/// OK: `*host` is a host. Otherwise it is null, and `error` says what is wrong: CONFIGURATION tells every mistake, with file,
/// line and field, one a line, or what the policies refuse although a cluster needs it. `options` may be null, and `error` too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_open(
    source: *const Source,
    options: *const Options,
    host: *mut *mut Host,
    error: *mut Buffer,
) -> Status {
    // SAFETY: a buffer of the caller's, or null.
    let error = unsafe { Out::new(error) };
    guard::run(&error, || {
        // SAFETY: each is null, or leads to what the header says for the length of the call.
        let (source, options, place) =
            unsafe { (source.as_ref(), options.as_ref(), host.as_mut()) };
        let place = place.ok_or_else(|| Refused::argument("`host` is null"))?;
        *place = ptr::null_mut();
        let source = source.ok_or_else(|| Refused::argument("`source` is null"))?;
        let log = Log::new(options)?;
        // SAFETY: what they point to is lent for the length of the call.
        let parts = unsafe { parts(source, options) }?;
        let live = log.during(|| open(parts))?;
        let runtime = runtime()?;
        let observer = Observer::new(&live.current(), None);
        *place = Box::into_raw(Box::new(Host {
            live,
            observer,
            runtime,
            log,
            turns: Turns::new(),
        }));
        Ok(Vec::new())
    })
}

/// Looks whether a file has changed that the host was loaded from: its configuration, unless that was given as text, the files
/// that it names, the modules. If so, all is loaded anew, and takes the place of what was there; calls that are under way keep
/// what they began with. It is cheap when nothing has changed: call it every second.
///
/// OK: changed. UNCHANGED: nothing has changed. CONFIGURATION: what the files say now cannot be loaded, or would lock the cluster
/// out (see `k8s_wasm_open`), `message` tells why or what is refused, and the host goes on as it was. It is told once for each
/// change; but policies that did not answer in time are tried again by later calls, after 5 seconds at first and every minute at
/// last, and every try that fails is told. `message` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_reload(host: *const Host, message: *mut Buffer) -> Status {
    // SAFETY: a buffer of the caller's, or null.
    let message = unsafe { Out::new(message) };
    guard::run(&message, || {
        // SAFETY: null, or made by `k8s_wasm_open` and not closed yet.
        let host = unsafe { host.as_ref() };
        let host = host.ok_or_else(|| Refused::argument("`host` is null"))?;
        host.log.during(|| host.reload())?;
        Ok(Vec::new())
    })
}

/// Ends a host, when all other calls with it have returned. Null is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_close(host: *mut Host) {
    guard::quietly(|| {
        if host.is_null() {
            return;
        }
        // SAFETY: made by `k8s_wasm_open` from a box, and used by nobody any more.
        let Host {
            live, runtime, log, ..
        } = *unsafe { Box::from_raw(host) };
        runtime.shutdown_timeout(CLOSE_TIMEOUT);
        drop((live, log));
    });
}

impl Host {
    fn reload(&self) -> Result<(), Refused> {
        let reloaded = self.live.reload();
        if !matches!(reloaded, Ok(Reload::Unchanged)) {
            give_memory_back();
        }
        match reloaded {
            Ok(Reload::Changed) => {
                let policies = self.live.current();
                self.observer.record_reload(&policies);
                ::host::log::loaded(&policies);
                Ok(())
            }
            Ok(Reload::Unchanged) => Err(Refused::new(STATUS_UNCHANGED, "")),
            Err(error) => {
                self.observer.record_failed_reload();
                Err(Refused::configuration(with_causes(&error)))
            }
        }
    }
}

/// Many threads compile and go with each reload, and the arenas that libc keeps for threads keep what they left.
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: any thread may call it at any time (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

fn open(parts: LiveOptions) -> Result<Live, Refused> {
    let live = Live::open(parts).map_err(|error| Refused::configuration(with_causes(&error)))?;
    ::host::log::loaded(&live.current());
    Ok(live)
}

/// # Safety
/// What both point to is there for the length of this call.
unsafe fn parts(source: &Source, options: Option<&Options>) -> Result<LiveOptions, Refused> {
    let folder = |bytes: Option<crate::Bytes>, what| -> Result<Option<PathBuf>, Refused> {
        match bytes {
            // SAFETY: promised to this function.
            Some(bytes) => unsafe { bytes.path(what) },
            None => Ok(None),
        }
    };
    let code_cache = folder(
        options.map(|options| options.code_cache),
        "options.code_cache",
    )?;
    let kubeconfig = folder(
        options.map(|options| options.kubeconfig),
        "options.kubeconfig",
    )?;
    let services = Services::new(ServiceOptions {
        kubeconfig,
        ..ServiceOptions::default()
    });
    Ok(LiveOptions {
        // SAFETY: promised to this function.
        sources: vec![unsafe { source.read() }?],
        modules: Box::new(FileModules),
        capabilities: Capabilities::live(services),
        code_cache,
        gate: Box::new(preflight::LockOutGuard),
    })
}

impl Source {
    /// # Safety
    /// What its parts point to is there for the length of this call.
    unsafe fn read(&self) -> Result<config::Source, Refused> {
        let format = match self.format {
            FORMAT_CONFIGURATION => Format::Configuration,
            FORMAT_AUTHENTICATION => Format::Authentication,
            FORMAT_AUTHORIZATION => Format::Authorization,
            FORMAT_ADMISSION => Format::Admission,
            FORMAT_ADMISSION_PLUGIN => Format::AdmissionPlugin,
            _ => return Err(Refused::argument("`source.format` is unknown")),
        };
        // SAFETY: promised to this function.
        let path = unsafe { self.path.path("source.path") }?;
        // SAFETY: likewise.
        let text = unsafe { self.text.lent("source.text") }?;
        match path {
            _ if !self.text.is_null() => {
                let path = path.unwrap_or_default();
                Ok(config::Source::text(format, path, text.to_vec()))
            }
            Some(path) => Ok(config::Source::file(format, path)),
            None => Err(Refused::argument("`source` has neither a path nor a text")),
        }
    }
}

fn runtime() -> Result<Runtime, Refused> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("k8s-wasm")
        .enable_all()
        .build()
        .map_err(|_| Refused::internal())
}
