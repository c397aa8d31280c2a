//! What crosses the border: numbers, and structures of numbers and pointers.
//!
//! Enumerations are numbers with names: a Rust enum with a value that it does not have would be undefined behaviour.

use std::ffi::c_void;

/// What came of a call: one of `K8S_WASM_STATUS_…`.
pub type Status = u32;
/// It is done.
pub const STATUS_OK: Status = 0;
/// An argument cannot be meant: a null pointer, an unknown number, text that is not UTF-8. A mistake of the caller.
pub const STATUS_ARGUMENT: Status = 1;
/// The configuration, or something that it names, cannot be used.
pub const STATUS_CONFIGURATION: Status = 2;
/// The bytes are no review of the plane that was asked.
pub const STATUS_REVIEW: Status = 3;
/// Policies failed and there is no decision: the failure policy of the API server decides. Never an allow.
pub const STATUS_UNDECIDED: Status = 4;
/// As UNDECIDED, only because too many calls were under way: the same question will be answered a moment later.
pub const STATUS_BUSY: Status = 5;
/// The caller cancelled the call.
pub const STATUS_CANCELLED: Status = 6;
/// No file has changed.
pub const STATUS_UNCHANGED: Status = 7;
/// The library itself failed. Never an allow.
pub const STATUS_INTERNAL: Status = 8;

/// Which decision is wanted: one of `K8S_WASM_PLANE_…`.
pub type Plane = u32;
/// Who is the caller? A TokenReview.
pub const PLANE_AUTHENTICATION: Plane = 0;
/// What may the caller do? A SubjectAccessReview.
pub const PLANE_AUTHORIZATION: Plane = 1;
/// In what form is the object stored? An AdmissionReview.
pub const PLANE_MUTATION: Plane = 2;
/// May the object be stored? An AdmissionReview.
pub const PLANE_VALIDATION: Plane = 3;

/// How a configuration is written: one of `K8S_WASM_FORMAT_…`. Where a list of one plane is expected, a whole `kind: Configuration` will do, too: then
/// that plane's section of it is used, and the one of the engine.
pub type Format = u32;
/// All planes in one, `kind: Configuration`.
pub const FORMAT_CONFIGURATION: Format = 0;
/// The list of authenticators, `modules:`.
pub const FORMAT_AUTHENTICATION: Format = 1;
/// The list of authorizers, `modules:`.
pub const FORMAT_AUTHORIZATION: Format = 2;
/// An `AdmissionConfiguration` with the plugin `WASM`.
pub const FORMAT_ADMISSION: Format = 3;
/// What that plugin is configured with, by itself: the list of admission policies, `modules:`.
pub const FORMAT_ADMISSION_PLUGIN: Format = 4;

/// How grave a line of the log is: one of `K8S_WASM_LEVEL_…`. Each level has those above it in it.
pub type Level = u32;
/// The library failed.
pub const LEVEL_ERROR: Level = 1;
/// A policy failed.
pub const LEVEL_WARN: Level = 2;
/// One line for each decision, and for each policy that is loaded. Here and above never a token, a Secret or an object.
pub const LEVEL_INFO: Level = 3;
/// What modules write, too.
pub const LEVEL_DEBUG: Level = 4;

/// Bytes that the caller lends for the length of a call. `data` may be null when `length` is 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub length: usize,
}

/// Where a configuration comes from.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Source {
    /// How it is written.
    pub format: Format,
    /// The file, UTF-8. Errors name it, and relative paths in it are relative to its folder.
    pub path: Bytes,
    /// When `data` is null, the file is read, and read again by `k8s_wasm_reload`. Otherwise this is the configuration, as if
    /// the file held it.
    pub text: Bytes,
}

/// Takes a line of the log, without a line break at its end. It may be called on any thread that is inside of a call, right
/// before that call returns, and with what the caller of that call passed as `log_context`. The text is lent for the length of
/// the call. It must return (no exception, no `longjmp`).
pub type LogFunction =
    Option<unsafe extern "C" fn(context: *mut c_void, level: Level, text: Bytes)>;

/// How a host is set up beyond its configuration. All zero is fine.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Options {
    /// The folder in which compiled code is kept from one process to the next; empty: none. What is in it is run, so it must
    /// belong to the user of this process alone.
    pub code_cache: Bytes,
    /// How to reach the cluster that Kubewarden policies may ask about; empty: `$KUBECONFIG`, `~/.kube/config` or the pod's
    /// service account, once a policy asks.
    pub kubeconfig: Bytes,
    /// Who takes the log; null: nobody.
    pub log: LogFunction,
    /// Handed to `log` as it is, on any thread.
    pub log_context: *mut c_void,
    /// The finest level that is logged. Means nothing without `log`.
    pub log_level: Level,
}

/// A request to the API server, as far as rules of policies look at it. Words are as in an AdmissionReview.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Request {
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: Bytes,
    /// The API group of the resource; empty for the core group.
    pub group: Bytes,
    /// The API version of the resource.
    pub version: Bytes,
    /// The resource, such as `pods`.
    pub resource: Bytes,
    /// The subresource; empty for the resource itself.
    pub subresource: Bytes,
    /// Whether the request states a namespace.
    pub namespaced: bool,
}
