/*
 * k8s_wasm.h: decisions of the Kubernetes API server by WebAssembly policies, asked in process.
 *
 * Made by `cargo xtask codegen` from the documentation in crates/capi/src; do not edit.
 *
 *     k8s_wasm_source source = { K8S_WASM_FORMAT_CONFIGURATION, { path, strlen(path) }, { NULL, 0 } };
 *     k8s_wasm_buffer text = { NULL, 0, 0 };
 *     k8s_wasm_host *host;
 *     if (k8s_wasm_open(&source, NULL, &host, &text) != K8S_WASM_STATUS_OK)
 *         fail(text.data, text.length);
 *     k8s_wasm_status status = k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, review, 10000, NULL, &text);
 *     ...
 *     k8s_wasm_buffer_free(&text);
 *     k8s_wasm_close(host);
 *
 * Ownership. What the caller passes is lent for the length of the call; the library keeps copies of what it needs longer.
 * What the library makes is the library's: a buffer until k8s_wasm_buffer_free, a host until k8s_wasm_close, a cancellation
 * until k8s_wasm_cancellation_free. Each is freed once, by the library. A buffer starts as all zero, may be used for many
 * calls, and is freed even after a call that failed. Static texts are not freed.
 *
 * Threads. Every function may be called on any thread, and any number of threads may ask one host at the same time. A call
 * blocks its thread until it is through, and modules run on that thread, on stacks of their own. A buffer belongs to one
 * thread at a time. Only the functions that free must be alone: k8s_wasm_close when no other call with the host is under
 * way, k8s_wasm_cancellation_free likewise. A host has threads of its own, too, for time and for what policies ask of others;
 * they end with it, but for one that is started when the first Kubewarden policy is loaded and serves all hosts. Do not
 * call from a child process that was forked after a host was opened.
 *
 * Errors. Whatever is not K8S_WASM_STATUS_OK is no decision, and never an allow. The text that comes with it is UTF-8 without
 * a zero at its end; after k8s_wasm_ask it may be shown to the client. No exception and no panic leaves the library; one that
 * happens inside is K8S_WASM_STATUS_INTERNAL. When memory runs out the process ends, as in most programs.
 *
 * Signals. Traps of modules are caught by handlers for SIGSEGV and its like, which are set when the first host is opened, run
 * on the alternative stack, and hand on what is not theirs to the handlers that were there before.
 */


#ifndef K8S_WASM_H
#define K8S_WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version of this interface. It grows when callers that were compiled with an older header would break.
#define K8S_WASM_ABI 1

// A way to end calls from another thread. Those that were given it end as soon as it is cancelled, and later ones at once.
typedef struct k8s_wasm_cancellation k8s_wasm_cancellation;

// A set of policies. Each has an engine, a pool of instances and a queue of its own: what holds one up does not hold up
// another.
typedef struct k8s_wasm_host k8s_wasm_host;

// What came of a call: one of `K8S_WASM_STATUS_…`.
typedef uint32_t k8s_wasm_status;

// Bytes that the library has made. The caller provides the structure, all zero at first; the library owns what it points to
// until `k8s_wasm_buffer_free`. A buffer that is used again gives up what it held.
typedef struct k8s_wasm_buffer {
  // The first byte; null when there are none.
  uint8_t *data;
  // How many there are.
  size_t length;
  // For the library.
  size_t capacity;
} k8s_wasm_buffer;

// How a configuration is written: one of `K8S_WASM_FORMAT_…`. Where a list of one plane is expected, a whole `kind: Configuration` will do, too: then
// that plane's section of it is used, and the one of the engine.
typedef uint32_t k8s_wasm_format;

// Bytes that the caller lends for the length of a call. `data` may be null when `length` is 0.
typedef struct k8s_wasm_bytes {
  // The first byte.
  const uint8_t *data;
  // How many there are.
  size_t length;
} k8s_wasm_bytes;

// Where a configuration comes from.
typedef struct k8s_wasm_source {
  // How it is written.
  k8s_wasm_format format;
  // The file, UTF-8. Errors name it, and relative paths in it are relative to its folder.
  struct k8s_wasm_bytes path;
  // When `data` is null, the file is read, and read again by `k8s_wasm_reload`. Otherwise this is the configuration, as if
  // the file held it.
  struct k8s_wasm_bytes text;
} k8s_wasm_source;

// How grave a line of the log is: one of `K8S_WASM_LEVEL_…`. Each level has those above it in it.
typedef uint32_t k8s_wasm_level;

// Takes a line of the log, without a line break at its end. It may be called on any thread that is inside of a call, right
// before that call returns, and with what the caller of that call passed as `log_context`. The text is lent for the length of
// the call. It must return (no exception, no `longjmp`).
typedef void (*k8s_wasm_log)(void *context, k8s_wasm_level level, struct k8s_wasm_bytes text);

// How a host is set up beyond its configuration. All zero is fine.
typedef struct k8s_wasm_options {
  // The folder in which compiled code is kept from one process to the next; empty: none. What is in it is run, so it must
  // belong to the user of this process alone.
  struct k8s_wasm_bytes code_cache;
  // How to reach the cluster that Kubewarden policies may ask about; empty: `$KUBECONFIG`, `~/.kube/config` or the pod's
  // service account, once a policy asks.
  struct k8s_wasm_bytes kubeconfig;
  // Who takes the log; null: nobody.
  k8s_wasm_log log;
  // Handed to `log` as it is, on any thread.
  void *log_context;
  // The finest level that is logged. Means nothing without `log`.
  k8s_wasm_level log_level;
} k8s_wasm_options;

// Which decision is wanted: one of `K8S_WASM_PLANE_…`.
typedef uint32_t k8s_wasm_plane;

// A request to the API server, as far as rules of policies look at it. Words are as in an AdmissionReview.
typedef struct k8s_wasm_request {
  // `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
  struct k8s_wasm_bytes operation;
  // The API group of the resource; empty for the core group.
  struct k8s_wasm_bytes group;
  // The API version of the resource.
  struct k8s_wasm_bytes version;
  // The resource, such as `pods`.
  struct k8s_wasm_bytes resource;
  // The subresource; empty for the resource itself.
  struct k8s_wasm_bytes subresource;
  // Whether the request states a namespace.
  bool namespaced;
} k8s_wasm_request;

// It is done.
#define K8S_WASM_STATUS_OK 0

// An argument cannot be meant: a null pointer, an unknown number, text that is not UTF-8. A mistake of the caller.
#define K8S_WASM_STATUS_ARGUMENT 1

// The configuration, or something that it names, cannot be used.
#define K8S_WASM_STATUS_CONFIGURATION 2

// The bytes are no review of the plane that was asked.
#define K8S_WASM_STATUS_REVIEW 3

// Policies failed and there is no decision: the failure policy of the API server decides. Never an allow.
#define K8S_WASM_STATUS_UNDECIDED 4

// As UNDECIDED, only because too many calls were under way: the same question will be answered a moment later.
#define K8S_WASM_STATUS_BUSY 5

// The caller cancelled the call.
#define K8S_WASM_STATUS_CANCELLED 6

// No file has changed.
#define K8S_WASM_STATUS_UNCHANGED 7

// The library itself failed. Never an allow.
#define K8S_WASM_STATUS_INTERNAL 8

// Who is the caller? A TokenReview.
#define K8S_WASM_PLANE_AUTHENTICATION 0

// What may the caller do? A SubjectAccessReview.
#define K8S_WASM_PLANE_AUTHORIZATION 1

// In what form is the object stored? An AdmissionReview.
#define K8S_WASM_PLANE_MUTATION 2

// May the object be stored? An AdmissionReview.
#define K8S_WASM_PLANE_VALIDATION 3

// All planes in one, `kind: Configuration`.
#define K8S_WASM_FORMAT_CONFIGURATION 0

// The list of authenticators, `modules:`.
#define K8S_WASM_FORMAT_AUTHENTICATION 1

// The list of authorizers, `modules:`.
#define K8S_WASM_FORMAT_AUTHORIZATION 2

// An `AdmissionConfiguration` with the plugin `WASM`.
#define K8S_WASM_FORMAT_ADMISSION 3

// What that plugin is configured with, by itself: the list of admission policies, `modules:`.
#define K8S_WASM_FORMAT_ADMISSION_PLUGIN 4

// The library failed.
#define K8S_WASM_LEVEL_ERROR 1

// A policy failed.
#define K8S_WASM_LEVEL_WARN 2

// One line for each decision, and for each policy that is loaded. Here and above never a token, a Secret or an object.
#define K8S_WASM_LEVEL_INFO 3

// What modules write, too.
#define K8S_WASM_LEVEL_DEBUG 4

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the interface that the library was built with; to be compared with `K8S_WASM_ABI` before anything else.
uint32_t k8s_wasm_abi(void);

// The version of the library, such as `0.1.0`. A static text.
const char *k8s_wasm_version(void);

// A few words for a status, for when there is no other text. A static text, whatever the number.
const char *k8s_wasm_last_resort(k8s_wasm_status status);

// Gives the bytes back. The buffer is all zero afterwards, and may be used or freed again. Null is fine.
void k8s_wasm_buffer_free(struct k8s_wasm_buffer *buffer);

// Loads a configuration and every module of it, which takes seconds when modules have to be compiled.
//
// Then the policies are asked what a cluster asks in order to live, which takes two minutes at most, when they are slow;
// those that would lock it out are refused, but for what `lockOutGuard` exempts.
//
// OK: `*host` is a host. Otherwise it is null, and `error` says what is wrong: CONFIGURATION tells every mistake, with file,
// line and field, one a line, or what the policies refuse although a cluster needs it. `options` may be null, and `error` too.
k8s_wasm_status k8s_wasm_open(const struct k8s_wasm_source *source,
                              const struct k8s_wasm_options *options,
                              struct k8s_wasm_host **host,
                              struct k8s_wasm_buffer *error);

// Looks whether a file has changed that the host was loaded from: its configuration, unless that was given as text, the files
// that it names, the modules. If so, all is loaded anew, and takes the place of what was there; calls that are under way keep
// what they began with. It is cheap when nothing has changed: call it every second.
//
// OK: changed. UNCHANGED: nothing has changed. CONFIGURATION: what the files say now cannot be loaded, or would lock the cluster
// out (see `k8s_wasm_open`), `message` tells why or what is refused, and the host goes on as it was. It is told once for each
// change; but policies that did not answer in time are tried again by later calls, after 5 seconds at first and every minute at
// last, and every try that fails is told. `message` may be null.
k8s_wasm_status k8s_wasm_reload(const struct k8s_wasm_host *host,
                                struct k8s_wasm_buffer *message);

// Ends a host, when all other calls with it have returned. Null is fine.
void k8s_wasm_close(struct k8s_wasm_host *host);

// Makes a cancellation, not cancelled yet. Null when there is none to be had; then calls are made without.
struct k8s_wasm_cancellation *k8s_wasm_cancellation_new(void);

// Ends the calls that were given it. May be called on any thread, and more than once. Null is fine.
void k8s_wasm_cancel(const struct k8s_wasm_cancellation *cancellation);

// Frees it, when all calls that were given it have returned. Null is fine.
void k8s_wasm_cancellation_free(struct k8s_wasm_cancellation *cancellation);

// Whether any policy of the plane would be asked about such a request; `request` may be null: about any request. Cheap, so
// that the caller need not write a review for nobody. Rules are looked at for MUTATION and VALIDATION only: other policies
// are asked about everything.
//
// True, too, when an argument cannot be meant: then `k8s_wasm_ask` says what is wrong.
bool k8s_wasm_asks(const struct k8s_wasm_host *host,
                   k8s_wasm_plane plane,
                   const struct k8s_wasm_request *request);

// Asks the policies of a plane, and waits for their answer on the thread of the caller.
//
// `review` is a TokenReview, SubjectAccessReview or AdmissionReview, JSON. `timeout_milliseconds` is how long the caller waits;
// policies have timeouts of their own besides. `cancellation` may be null.
//
// OK: `answer` is the answered review, JSON, whatever it decides. Otherwise it is a text for the client, which names no secret:
// REVIEW, UNDECIDED (an authorizer failed and nobody decided, or an admission policy with `failurePolicy: Fail`), BUSY,
// CANCELLED, ARGUMENT, INTERNAL. An authenticator that failed is told inside of the review, as `status.error`.
k8s_wasm_status k8s_wasm_ask(const struct k8s_wasm_host *host,
                             k8s_wasm_plane plane,
                             struct k8s_wasm_bytes review,
                             uint64_t timeout_milliseconds,
                             const struct k8s_wasm_cancellation *cancellation,
                             struct k8s_wasm_buffer *answer);

// The same about a request that policies of admission were asked about before, when its object was shown in other versions of
// the API. `asked_before` are `asked_before_length` requests: policies whose rules match one of them are left out now.
k8s_wasm_status k8s_wasm_ask_again(const struct k8s_wasm_host *host,
                                   k8s_wasm_plane plane,
                                   struct k8s_wasm_bytes review,
                                   const struct k8s_wasm_request *asked_before,
                                   size_t asked_before_length,
                                   uint64_t timeout_milliseconds,
                                   const struct k8s_wasm_cancellation *cancellation,
                                   struct k8s_wasm_buffer *answer);

// Whether an authorizer of the host denies when it fails (`failurePolicy: Deny`). Then whatever k8s_wasm_ask answers about
// AUTHORIZATION but OK has to count as a denial: another authorizer could allow what that one is there to deny. True for null.
bool k8s_wasm_vetoes(const struct k8s_wasm_host *host);

// What the host counts and measures, as text that Prometheus can scrape
// (`application/openmetrics-text; version=1.0.0; charset=utf-8`).
//
// OK: `text` is the text. Otherwise ARGUMENT or INTERNAL.
k8s_wasm_status k8s_wasm_metrics(const struct k8s_wasm_host *host, struct k8s_wasm_buffer *text);

// The last decisions of the host, JSON as `k8s-wasm explain` reads it, oldest first: those with a `sequence` greater than
// `after`, so all that are kept with 0. No token and no object is in it, but names of users and resources are.
//
// OK: `list` is the list. Otherwise ARGUMENT or INTERNAL.
k8s_wasm_status k8s_wasm_decisions(const struct k8s_wasm_host *host,
                                   uint64_t after,
                                   struct k8s_wasm_buffer *list);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* K8S_WASM_H */
