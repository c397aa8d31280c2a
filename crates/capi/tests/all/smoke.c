/* Calls every function of k8s_wasm.h as a caller would, and as a careless caller would. Run by smoke.rs. */

#include <k8s_wasm.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);      \
            _exit(1);                                                                    \
        }                                                                                \
    } while (0)

static const char TOKEN_REVIEW[] =
    "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\",\"spec\":{\"token\":\"secret-token\"}}";
static const char ACCESS_REVIEW[] =
    "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\","
    "\"spec\":{\"nonResourceAttributes\":{\"path\":\"/\",\"verb\":\"get\"},\"user\":\"jane\"}}";
static const char ADMISSION_REVIEW[] =
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"4711\","
    "\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"ConfigMap\"},"
    "\"resource\":{\"group\":\"\",\"version\":\"v1\",\"resource\":\"configmaps\"},\"name\":\"c\",\"namespace\":\"ns\","
    "\"operation\":\"CREATE\",\"userInfo\":{\"username\":\"jane\"},"
    "\"object\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}},\"oldObject\":null}}";

/* For policies that would lock a cluster out, after a list of modules. */
#define UNGUARDED "\nlockOutGuard: {exempt: [all]}\n"

static const char *folder;

static k8s_wasm_bytes bytes(const char *text)
{
    return (k8s_wasm_bytes){(const uint8_t *)text, strlen(text)};
}

static bool contains(const k8s_wasm_buffer *buffer, const char *text)
{
    return memmem(buffer->data, buffer->length, text, strlen(text)) != NULL;
}

static char *path(const char *name)
{
    char *joined = NULL;
    CHECK(asprintf(&joined, "%s/%s", folder, name) > 0);
    return joined;
}

static void write_file(const char *name, const char *text)
{
    char *full = path(name);
    FILE *file = fopen(full, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    free(full);
}

/* A host from text, as if it were in the folder of the modules. */
static k8s_wasm_host *open_text(k8s_wasm_format format, const char *text, const k8s_wasm_options *options)
{
    char *name = path("text.yaml");
    k8s_wasm_source source = {format, bytes(name), bytes(text)};
    k8s_wasm_buffer error = {NULL, 0, 0};
    k8s_wasm_host *host = NULL;
    k8s_wasm_status status = k8s_wasm_open(&source, options, &host, &error);
    if (status != K8S_WASM_STATUS_OK)
        fprintf(stderr, "%.*s\n", (int)error.length, (const char *)error.data);
    CHECK(status == K8S_WASM_STATUS_OK && host != NULL && error.data == NULL);
    free(name);
    return host;
}

static k8s_wasm_host *open_file(const char *name)
{
    char *full = path(name);
    k8s_wasm_source source = {K8S_WASM_FORMAT_CONFIGURATION, bytes(full), {NULL, 0}};
    k8s_wasm_host *host = NULL;
    CHECK(k8s_wasm_open(&source, NULL, &host, NULL) == K8S_WASM_STATUS_OK);
    free(full);
    return host;
}

static void all_planes(void)
{
    k8s_wasm_host *host = open_file("config.yaml");
    k8s_wasm_buffer answer = {NULL, 0, 0};
    k8s_wasm_request request = {bytes("CREATE"), bytes(""), bytes("v1"), bytes("configmaps"), {NULL, 0}, true};
    CHECK(k8s_wasm_asks(host, K8S_WASM_PLANE_AUTHENTICATION, NULL));
    CHECK(k8s_wasm_asks(host, K8S_WASM_PLANE_MUTATION, &request));
    request.resource = bytes("secrets");
    CHECK(!k8s_wasm_asks(host, K8S_WASM_PLANE_MUTATION, &request));

    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHENTICATION, bytes(TOKEN_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&answer, "\"username\":\"jane\"") && !contains(&answer, "secret-token"));
    /* One buffer for many answers. */
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&answer, "\"allowed\":true"));
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_MUTATION, bytes(ADMISSION_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&answer, "\"patchType\":\"JSONPatch\"") && contains(&answer, "4711"));
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_VALIDATION, bytes(ADMISSION_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&answer, "not today"));

    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHENTICATION, bytes(ACCESS_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_REVIEW);
    CHECK(contains(&answer, "failed to read the review"));
    k8s_wasm_buffer_free(&answer);
    CHECK(answer.data == NULL && answer.length == 0 && answer.capacity == 0);
    k8s_wasm_close(host);
}

static void failing_policies(void)
{
    k8s_wasm_buffer answer = {NULL, 0, 0};
    k8s_wasm_host *host = open_text(K8S_WASM_FORMAT_AUTHORIZATION, "modules: [{module: trap.wasm}]" UNGUARDED, NULL);
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_UNDECIDED);
    CHECK(contains(&answer, "policy `trap.wasm` failed: the module trapped"));
    k8s_wasm_close(host);

    /* As by webhook: an authenticator that failed is told inside of the review. */
    host = open_text(K8S_WASM_FORMAT_AUTHENTICATION, "modules: [{module: trap-authn.wasm}]", NULL);
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHENTICATION, bytes(TOKEN_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&answer, "\"error\":"));
    k8s_wasm_close(host);

    host = open_text(K8S_WASM_FORMAT_AUTHORIZATION, "modules: [{module: hang.wasm, timeout: 20ms}]" UNGUARDED, NULL);
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_UNDECIDED);
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 0, NULL, &answer) ==
          K8S_WASM_STATUS_UNDECIDED);
    k8s_wasm_close(host);
    k8s_wasm_buffer_free(&answer);
}

struct call {
    const k8s_wasm_host *host;
    const k8s_wasm_cancellation *cancellation;
    k8s_wasm_status status;
};

static void *ask_until_cancelled(void *argument)
{
    struct call *call = argument;
    k8s_wasm_buffer answer = {NULL, 0, 0};
    do
        call->status = k8s_wasm_ask(call->host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 60000,
                                    call->cancellation, &answer);
    while (call->status == K8S_WASM_STATUS_BUSY);
    k8s_wasm_buffer_free(&answer);
    return NULL;
}

static void cancelled_and_busy(void)
{
    const char *text = "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration, "
                       "engine: {maxConcurrentCalls: 1, maxQueuedCalls: 0}, "
                       "authorization: {modules: [{module: hang.wasm, timeout: 30s}]}, lockOutGuard: {exempt: [all]}}";
    k8s_wasm_host *host = open_text(K8S_WASM_FORMAT_CONFIGURATION, text, NULL);
    k8s_wasm_cancellation *cancellation = k8s_wasm_cancellation_new();
    struct call call = {host, cancellation, K8S_WASM_STATUS_OK};
    k8s_wasm_buffer answer = {NULL, 0, 0};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, ask_until_cancelled, &call) == 0);
    /* Once that one runs there is no place for this one, which fails by its short deadline otherwise. */
    k8s_wasm_status status;
    do {
        status = k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 1, NULL, &answer);
        CHECK(status == K8S_WASM_STATUS_UNDECIDED || status == K8S_WASM_STATUS_BUSY);
    } while (status != K8S_WASM_STATUS_BUSY);
    k8s_wasm_cancel(cancellation);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(call.status == K8S_WASM_STATUS_CANCELLED);
    /* It stays cancelled. */
    ask_until_cancelled(&call);
    CHECK(call.status == K8S_WASM_STATUS_CANCELLED);
    k8s_wasm_cancellation_free(cancellation);
    k8s_wasm_buffer_free(&answer);
    k8s_wasm_close(host);
}

static void bad_configurations(void)
{
    char *name = path("nowhere.yaml");
    k8s_wasm_source source = {K8S_WASM_FORMAT_CONFIGURATION, bytes(name), {NULL, 0}};
    k8s_wasm_buffer error = {NULL, 0, 0};
    k8s_wasm_host *host = (k8s_wasm_host *)&source;
    CHECK(k8s_wasm_open(&source, NULL, &host, &error) == K8S_WASM_STATUS_CONFIGURATION);
    CHECK(host == NULL && contains(&error, "nowhere.yaml: cannot be read"));
    source.text = bytes("modules: [{modul: a.wasm}]");
    source.format = K8S_WASM_FORMAT_AUTHORIZATION;
    CHECK(k8s_wasm_open(&source, NULL, &host, &error) == K8S_WASM_STATUS_CONFIGURATION);
    CHECK(contains(&error, "did you mean `module`?"));
    source.text = bytes("modules: [{module: missing.wasm}]");
    CHECK(k8s_wasm_open(&source, NULL, &host, &error) == K8S_WASM_STATUS_CONFIGURATION);
    CHECK(contains(&error, "missing.wasm"));
    k8s_wasm_buffer_free(&error);
    free(name);
}

static void careless_callers(void)
{
    k8s_wasm_host *host = open_file("config.yaml");
    k8s_wasm_buffer text = {NULL, 0, 0};
    k8s_wasm_bytes review = bytes(ACCESS_REVIEW), latin = bytes("caf\xe9"), impossible = {review.data, SIZE_MAX},
                   nothing = {NULL, 1};
    k8s_wasm_plane plane = K8S_WASM_PLANE_AUTHORIZATION;
    CHECK(k8s_wasm_ask(NULL, plane, review, 1, NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(contains(&text, "`host` is null"));
    CHECK(k8s_wasm_ask(host, plane, review, 1, NULL, NULL) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_ask(host, 4, review, 1, NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_ask(host, plane, impossible, 1, NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_ask(host, plane, nothing, 1, NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_ask(host, plane, latin, UINT64_MAX, NULL, &text) == K8S_WASM_STATUS_REVIEW);
    CHECK(k8s_wasm_ask(host, plane, (k8s_wasm_bytes){NULL, 0}, 1, NULL, &text) == K8S_WASM_STATUS_REVIEW);
    CHECK(k8s_wasm_ask_again(host, plane, review, NULL, 1, 1, NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(contains(&text, "`asked_before` is null"));
    CHECK(k8s_wasm_vetoes(NULL));
    CHECK(k8s_wasm_reload(NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_metrics(NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_decisions(NULL, 0, &text) == K8S_WASM_STATUS_ARGUMENT);

    k8s_wasm_request request = {bytes("PATCH"), {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, false};
    CHECK(k8s_wasm_asks(NULL, plane, NULL) && k8s_wasm_asks(host, 77, NULL));
    CHECK(k8s_wasm_asks(host, K8S_WASM_PLANE_VALIDATION, &request));

    k8s_wasm_source source = {99, bytes("x"), bytes("modules: []")};
    k8s_wasm_options options = {{NULL, 0}, {NULL, 0}, NULL, NULL, 0};
    k8s_wasm_host *other = NULL;
    CHECK(k8s_wasm_open(NULL, NULL, &other, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_open(&source, NULL, &other, &text) == K8S_WASM_STATUS_ARGUMENT);
    source.format = K8S_WASM_FORMAT_AUTHORIZATION;
    CHECK(k8s_wasm_open(&source, NULL, NULL, &text) == K8S_WASM_STATUS_ARGUMENT);
    options.code_cache = latin;
    CHECK(k8s_wasm_open(&source, &options, &other, &text) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(contains(&text, "`options.code_cache` is not UTF-8") && other == NULL);
    source.text = nothing;
    source.path = nothing;
    CHECK(k8s_wasm_open(&source, NULL, &other, &text) == K8S_WASM_STATUS_ARGUMENT);

    k8s_wasm_close(NULL);
    k8s_wasm_cancel(NULL);
    k8s_wasm_cancellation_free(NULL);
    k8s_wasm_buffer_free(NULL);
    k8s_wasm_buffer_free(&text);
    k8s_wasm_buffer_free(&text);
    k8s_wasm_close(host);
    for (k8s_wasm_status status = 0; status < 20; status++)
        CHECK(strlen(k8s_wasm_last_resort(status)) > 0);
    CHECK(k8s_wasm_abi() == K8S_WASM_ABI && strchr(k8s_wasm_version(), '.') != NULL);
}

static void reloading(void)
{
    const char *good = "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration, "
                       "authorization: {modules: [{module: authz.wasm}]}}";
    k8s_wasm_buffer text = {NULL, 0, 0};
    write_file("changing.yaml", good);
    k8s_wasm_host *host = open_file("changing.yaml");
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_UNCHANGED && text.data == NULL);
    write_file("changing.yaml", "kind: Nonsense");
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_CONFIGURATION && contains(&text, "changing.yaml"));
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_UNCHANGED);
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &text) ==
          K8S_WASM_STATUS_OK);
    write_file("changing.yaml", "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration, "
                                "authorization: {modules: [{module: trap.wasm}]}}");
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_CONFIGURATION && contains(&text, "`kubelet-lease`"));
    write_file("changing.yaml", "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration}");
    CHECK(k8s_wasm_reload(host, NULL) == K8S_WASM_STATUS_OK);
    CHECK(!k8s_wasm_asks(host, K8S_WASM_PLANE_AUTHORIZATION, NULL));
    k8s_wasm_buffer_free(&text);
    k8s_wasm_close(host);
}

struct lines {
    pthread_t thread;
    const char *stack;
    bool module_was_here, decided;
};

static void take_line(void *context, k8s_wasm_level level, k8s_wasm_bytes text)
{
    struct lines *lines = context;
    char here = 0;
    ptrdiff_t distance = &here - lines->stack;
    /* On the thread of the caller, and on its own stack: modules have others. */
    CHECK(pthread_equal(lines->thread, pthread_self()));
    CHECK(-(1 << 20) < distance && distance < 1 << 20);
    CHECK(level >= K8S_WASM_LEVEL_ERROR && level <= K8S_WASM_LEVEL_INFO);
    CHECK(memmem(text.data, text.length, "secret-token", 12) == NULL);
    CHECK(text.length > 0 && text.data[text.length - 1] != '\n');
    lines->module_was_here |= memmem(text.data, text.length, "a module was here", 17) != NULL;
    lines->decided |= memmem(text.data, text.length, "decided", 7) != NULL;
}

static void logged(void)
{
    char here = 0;
    struct lines lines = {pthread_self(), &here, false, false};
    k8s_wasm_options options = {{NULL, 0}, {NULL, 0}, take_line, &lines, K8S_WASM_LEVEL_INFO};
    const char *text = "modules: [{module: log.wasm, rules: [{operations: ['*'], apiGroups: ['*'], "
                       "apiVersions: ['*'], resources: ['*/*']}]}]";
    k8s_wasm_host *host = open_text(K8S_WASM_FORMAT_ADMISSION_PLUGIN, text, &options);
    /* It was asked about its settings. */
    CHECK(lines.module_was_here && !lines.decided);
    lines.module_was_here = false;
    k8s_wasm_buffer answer = {NULL, 0, 0};
    CHECK(k8s_wasm_ask(host, K8S_WASM_PLANE_VALIDATION, bytes(ADMISSION_REVIEW), 10000, NULL, &answer) ==
          K8S_WASM_STATUS_OK);
    CHECK(lines.module_was_here && lines.decided);
    /* Its rules match what it was asked about before, so it is left out. */
    lines.module_was_here = false;
    k8s_wasm_request before = {bytes("CREATE"), bytes(""), bytes("v1"), bytes("pods"), {NULL, 0}, true};
    CHECK(k8s_wasm_ask_again(host, K8S_WASM_PLANE_VALIDATION, bytes(ADMISSION_REVIEW), &before, 1, 10000, NULL,
                             &answer) == K8S_WASM_STATUS_OK);
    CHECK(!lines.module_was_here);
    CHECK(!k8s_wasm_vetoes(host));
    CHECK(k8s_wasm_metrics(host, NULL) == K8S_WASM_STATUS_ARGUMENT);
    CHECK(k8s_wasm_metrics(host, &answer) == K8S_WASM_STATUS_OK &&
          contains(&answer, "k8s_wasm_configuration_generation 1\n"));
    CHECK(k8s_wasm_decisions(host, 0, &answer) == K8S_WASM_STATUS_OK && contains(&answer, "\"uid\":\"4711\""));
    CHECK(k8s_wasm_decisions(host, UINT64_MAX, &answer) == K8S_WASM_STATUS_OK && contains(&answer, "\"decisions\":[]"));
    k8s_wasm_buffer_free(&answer);
    k8s_wasm_close(host);

    options.log_level = 5;
    k8s_wasm_source source = {K8S_WASM_FORMAT_ADMISSION_PLUGIN, bytes("x"), bytes("modules: []")};
    CHECK(k8s_wasm_open(&source, &options, &host, NULL) == K8S_WASM_STATUS_ARGUMENT);
}

/* A caller that forgets to free: the sanitizer must notice. */
static void leak(void)
{
    k8s_wasm_host *host = open_file("config.yaml");
    k8s_wasm_buffer *answer = calloc(1, sizeof *answer);
    k8s_wasm_ask(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, answer);
    free(answer);
    k8s_wasm_close(host);
}

int main(int count, char **arguments)
{
    CHECK(count >= 2);
    folder = arguments[1];
    if (count == 3) {
        leak();
        return 0;
    }
    all_planes();
    failing_policies();
    cancelled_and_busy();
    bad_configurations();
    careless_callers();
    reloading();
    logged();
    puts("done");
    return 0;
}
