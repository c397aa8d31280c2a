//! The types of the C ABI: numbers, and structures of numbers and pointers.
//!
//! Enumerations are named numbers: a Rust enum with a value outside its variants would be undefined
//! behaviour.

use std::ffi::c_void;

/// The version of this interface. It increases when programs that were compiled with an older
/// header would break.
pub const ABI: u32 = 2;

/// The result of a call: one of `K8S_WASM_STATUS_…`.
pub type Status = u32;
/// The call succeeded.
pub const STATUS_OK: Status = 0;
/// An argument is invalid: a null pointer, an unknown number, text that is not UTF-8. A defect of
/// the caller.
pub const STATUS_INVALID_ARGUMENT: Status = 1;
/// The configuration, or a file that it names, does not load.
pub const STATUS_INVALID_CONFIGURATION: Status = 2;
/// The bytes are not a review of the plane.
pub const STATUS_INVALID_REVIEW: Status = 3;
/// Policies failed and there is no decision; the failure policy of the API server applies. Never an
/// allow.
pub const STATUS_NO_DECISION: Status = 4;
/// There is no decision because too many calls were running. The same review may succeed a moment
/// later. Never an allow.
pub const STATUS_OVERLOADED: Status = 5;
/// The caller cancelled the call.
pub const STATUS_CANCELLED: Status = 6;
/// No file has changed.
pub const STATUS_UNCHANGED: Status = 7;
/// The library itself failed. Never an allow.
pub const STATUS_INTERNAL: Status = 8;

/// A decision that policies make: one of `K8S_WASM_PLANE_…`.
pub type Plane = u32;
/// Authentication: the user of a token. TokenReview.
pub const PLANE_AUTHENTICATION: Plane = 0;
/// Authorization: the permission of a user. SubjectAccessReview.
pub const PLANE_AUTHORIZATION: Plane = 1;
/// Mutating admission. AdmissionReview.
pub const PLANE_MUTATION: Plane = 2;
/// Validating admission. AdmissionReview.
pub const PLANE_VALIDATION: Plane = 3;

/// The format of a configuration: one of `K8S_WASM_FORMAT_…`. A file of `kind: Configuration` is
/// also accepted in place of the list of one plane; only the section of that plane and `engine` are
/// used then.
pub type Format = u32;
/// All planes in one file, `kind: Configuration`.
pub const FORMAT_CONFIGURATION: Format = 0;
/// A list of authentication policies, `modules:`.
pub const FORMAT_AUTHENTICATION: Format = 1;
/// A list of authorization policies, `modules:`.
pub const FORMAT_AUTHORIZATION: Format = 2;
/// An `AdmissionConfiguration` with the plugin `WASM`.
pub const FORMAT_ADMISSION: Format = 3;
/// The configuration of that plugin alone: a list of admission policies, `modules:`.
pub const FORMAT_ADMISSION_PLUGIN: Format = 4;

/// The level of a log message: one of `K8S_WASM_LEVEL_…`. Each level includes the more severe ones.
pub type Level = u32;
/// Failures of the library.
pub const LEVEL_ERROR: Level = 1;
/// Failures of policies.
pub const LEVEL_WARN: Level = 2;
/// One message for each decision and each loaded policy. Messages up to this level contain no
/// token, Secret or object.
pub const LEVEL_INFO: Level = 3;
/// Also the output of modules.
pub const LEVEL_DEBUG: Level = 4;

/// Bytes that the caller owns and the library borrows for the duration of a call. `data` may be
/// null if `length` is 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Bytes {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub length: usize,
}

/// The source of a configuration.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Source {
    /// The format of the file or text.
    pub format: Format,
    /// The file, UTF-8. Error messages name it, and relative paths in the configuration start in
    /// its directory.
    pub path: Bytes,
    /// The configuration as text, in place of the file's content. If `data` is null, the file is
    /// read, and read again by `k8s_wasm_reload`.
    pub text: Bytes,
}

/// A function that receives a log message, without a line break at its end. The library calls it
/// with `log_context` right before a call returns, on the thread of that call. The text is borrowed
/// for the duration of the function. The function must return: no exception, no `longjmp`.
pub type LogFunction =
    Option<unsafe extern "C" fn(context: *mut c_void, level: Level, text: Bytes)>;

/// The settings of a host that are not part of its configuration. All zero is valid.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Options {
    /// The directory that keeps compiled modules between processes; empty: none. Its files are
    /// executed, so only the user of this process may be able to write to it.
    pub code_cache: Bytes,
    /// The kubeconfig of the cluster that Kubewarden policies may query; empty: `$KUBECONFIG`,
    /// `~/.kube/config` or the service account of the pod, read at the first query.
    pub kubeconfig: Bytes,
    /// The function that receives log messages; null: no log.
    pub log: LogFunction,
    /// An argument that is passed to `log` unchanged, on any thread.
    pub log_context: *mut c_void,
    /// The most verbose level that is logged. Ignored without `log`.
    pub log_level: Level,
}

/// The parts of a request to the API server that rules of admission policies match. Values are
/// those of an AdmissionReview.
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
    /// True if the request has a namespace.
    pub namespaced: bool,
}
