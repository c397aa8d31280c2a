/* Calls every function of k8s_wasm.h with valid and with invalid arguments. Run by abi.rs. */

#include <k8s_wasm.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);      \
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

/* Follows a list of policies that would lock a cluster out. */
#define UNGUARDED "\nlockOutGuard: {exempt: [all]}\n"

/* The directory of the modules. */
static const char *directory;

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
    CHECK(asprintf(&joined, "%s/%s", directory, name) > 0);
    return joined;
}

static void write_file(const char *name, const char *text)
{
    char *full = path(name);
    FILE *file = fopen(full, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    free(full);
}

/* Opens a host from text, as if it were a file in the directory of the modules. */
static k8s_wasm_host *open_text(k8s_wasm_format format, const char *text, const k8s_wasm_options *options)
{
    char *name = path("text.yaml");
    k8s_wasm_source source = {format, bytes(name), bytes(text)};
    k8s_wasm_buffer error = {NULL, 0, 0};
    k8s_wasm_host *host = NULL;
    k8s_wasm_status status = k8s_wasm_open(&source, options, &host, NULL, &error);
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
    uint32_t max_concurrent_calls = 0;
    CHECK(k8s_wasm_open(&source, NULL, &host, &max_concurrent_calls, NULL) == K8S_WASM_STATUS_OK);
    CHECK(max_concurrent_calls >= 8 && max_concurrent_calls <= 256);
    free(full);
    return host;
}

/* Evaluates a review that was not evaluated before. */
static k8s_wasm_status evaluate(const k8s_wasm_host *host, k8s_wasm_plane plane, k8s_wasm_bytes review,
                                uint64_t timeout, const k8s_wasm_cancellation *cancellation,
                                k8s_wasm_buffer *response)
{
    k8s_wasm_evaluation_request request = {
        .plane = plane, .review = review, .timeout_milliseconds = timeout, .cancellation = cancellation};
    return k8s_wasm_evaluate(host, &request, response);
}

static void evaluates_on_all_planes(void)
{
    k8s_wasm_host *host = open_file("config.yaml");
    k8s_wasm_buffer response = {NULL, 0, 0};
    k8s_wasm_request request = {bytes("CREATE"), bytes(""), bytes("v1"), bytes("configmaps"), {NULL, 0}, true};
    CHECK(k8s_wasm_has_policy_for(host, K8S_WASM_PLANE_AUTHENTICATION, NULL));
    CHECK(k8s_wasm_has_policy_for(host, K8S_WASM_PLANE_MUTATION, &request));
    request.resource = bytes("secrets");
    CHECK(!k8s_wasm_has_policy_for(host, K8S_WASM_PLANE_MUTATION, &request));

    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHENTICATION, bytes(TOKEN_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&response, "\"username\":\"jane\"") && !contains(&response, "secret-token"));
    /* One buffer serves many responses. */
    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&response, "\"allowed\":true"));
    CHECK(evaluate(host, K8S_WASM_PLANE_MUTATION, bytes(ADMISSION_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&response, "\"patchType\":\"JSONPatch\"") && contains(&response, "4711"));
    CHECK(evaluate(host, K8S_WASM_PLANE_VALIDATION, bytes(ADMISSION_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&response, "not today"));

    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHENTICATION, bytes(ACCESS_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_INVALID_REVIEW);
    CHECK(contains(&response, "failed to parse the review"));
    k8s_wasm_buffer_free(&response);
    CHECK(response.data == NULL && response.length == 0 && response.capacity == 0);
    k8s_wasm_close(host);
}

static void reports_failed_policies(void)
{
    k8s_wasm_buffer response = {NULL, 0, 0};
    k8s_wasm_host *host = open_text(K8S_WASM_FORMAT_AUTHORIZATION, "modules: [{module: trap.wasm}]" UNGUARDED, NULL);
    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_NO_DECISION);
    CHECK(contains(&response, "policy `trap.wasm` failed: the module trapped"));
    k8s_wasm_close(host);

    /* As with a webhook: the failure of an authentication policy is part of the review. */
    host = open_text(K8S_WASM_FORMAT_AUTHENTICATION, "modules: [{module: trap-authn.wasm}]", NULL);
    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHENTICATION, bytes(TOKEN_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_OK);
    CHECK(contains(&response, "\"error\":"));
    k8s_wasm_close(host);

    host = open_text(K8S_WASM_FORMAT_AUTHORIZATION, "modules: [{module: hang.wasm, timeout: 20ms}]" UNGUARDED, NULL);
    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_NO_DECISION);
    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 0, NULL, &response) ==
          K8S_WASM_STATUS_NO_DECISION);
    k8s_wasm_close(host);
    k8s_wasm_buffer_free(&response);
}

struct call {
    const k8s_wasm_host *host;
    const k8s_wasm_cancellation *cancellation;
    k8s_wasm_status status;
};

static void *evaluate_until_cancelled(void *argument)
{
    struct call *call = argument;
    k8s_wasm_buffer response = {NULL, 0, 0};
    do
        call->status = evaluate(call->host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 60000,
                                    call->cancellation, &response);
    while (call->status == K8S_WASM_STATUS_OVERLOADED);
    k8s_wasm_buffer_free(&response);
    return NULL;
}

static void cancels_and_reports_overload(void)
{
    const char *text = "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration, "
                       "engine: {maxConcurrentCalls: 1, maxQueuedCalls: 0}, "
                       "authorization: {modules: [{module: hang.wasm, timeout: 30s}]}, lockOutGuard: {exempt: [all]}}";
    k8s_wasm_host *host = open_text(K8S_WASM_FORMAT_CONFIGURATION, text, NULL);
    k8s_wasm_cancellation *cancellation = k8s_wasm_cancellation_new();
    struct call call = {host, cancellation, K8S_WASM_STATUS_OK};
    k8s_wasm_buffer response = {NULL, 0, 0};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, evaluate_until_cancelled, &call) == 0);
    /* While the thread's call runs there is no permit for this one; before, it fails at its deadline. */
    k8s_wasm_status status;
    do {
        status = evaluate(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 1, NULL, &response);
        CHECK(status == K8S_WASM_STATUS_NO_DECISION || status == K8S_WASM_STATUS_OVERLOADED);
    } while (status != K8S_WASM_STATUS_OVERLOADED);
    k8s_wasm_cancel(cancellation);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(call.status == K8S_WASM_STATUS_CANCELLED);
    /* A cancellation ends later calls as well. */
    evaluate_until_cancelled(&call);
    CHECK(call.status == K8S_WASM_STATUS_CANCELLED);
    k8s_wasm_cancellation_free(cancellation);
    k8s_wasm_buffer_free(&response);
    k8s_wasm_close(host);
}

static void rejects_bad_configurations(void)
{
    char *name = path("nowhere.yaml");
    k8s_wasm_source source = {K8S_WASM_FORMAT_CONFIGURATION, bytes(name), {NULL, 0}};
    k8s_wasm_buffer error = {NULL, 0, 0};
    k8s_wasm_host *host = (k8s_wasm_host *)&source;
    CHECK(k8s_wasm_open(&source, NULL, &host, NULL, &error) == K8S_WASM_STATUS_INVALID_CONFIGURATION);
    CHECK(host == NULL && contains(&error, "nowhere.yaml: cannot be read"));
    source.text = bytes("modules: [{modul: a.wasm}]");
    source.format = K8S_WASM_FORMAT_AUTHORIZATION;
    CHECK(k8s_wasm_open(&source, NULL, &host, NULL, &error) == K8S_WASM_STATUS_INVALID_CONFIGURATION);
    CHECK(contains(&error, "did you mean `module`?"));
    source.text = bytes("modules: [{module: missing.wasm}]");
    CHECK(k8s_wasm_open(&source, NULL, &host, NULL, &error) == K8S_WASM_STATUS_INVALID_CONFIGURATION);
    CHECK(contains(&error, "missing.wasm"));
    k8s_wasm_buffer_free(&error);
    free(name);
}

static void rejects_invalid_arguments(void)
{
    k8s_wasm_host *host = open_file("config.yaml");
    k8s_wasm_buffer text = {NULL, 0, 0};
    k8s_wasm_bytes review = bytes(ACCESS_REVIEW), latin = bytes("caf\xe9"), impossible = {review.data, SIZE_MAX},
                   no_data = {NULL, 1};
    k8s_wasm_plane plane = K8S_WASM_PLANE_AUTHORIZATION;
    CHECK(evaluate(NULL, plane, review, 1, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(contains(&text, "`host` is null"));
    CHECK(evaluate(host, plane, review, 1, NULL, NULL) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(evaluate(host, 4, review, 1, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(evaluate(host, plane, impossible, 1, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(evaluate(host, plane, no_data, 1, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(evaluate(host, plane, latin, UINT64_MAX, NULL, &text) == K8S_WASM_STATUS_INVALID_REVIEW);
    CHECK(evaluate(host, plane, (k8s_wasm_bytes){NULL, 0}, 1, NULL, &text) == K8S_WASM_STATUS_INVALID_REVIEW);
    CHECK(k8s_wasm_evaluate(host, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(contains(&text, "`request` is null"));
    k8s_wasm_evaluation_request again = {.plane = plane, .review = review, .already_evaluated_length = 1};
    CHECK(k8s_wasm_evaluate(host, &again, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(contains(&text, "`already_evaluated` is null"));
    k8s_wasm_request none[1] = {{{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, false}};
    again.already_evaluated = none;
    again.already_evaluated_length = 65;
    CHECK(k8s_wasm_evaluate(host, &again, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(contains(&text, "`already_evaluated_length` is greater than 64"));
    CHECK(k8s_wasm_denies_on_failure(NULL));
    CHECK(k8s_wasm_reload(NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(k8s_wasm_metrics(NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(k8s_wasm_decisions(NULL, 0, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);

    k8s_wasm_request request = {bytes("PATCH"), {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, false};
    CHECK(k8s_wasm_has_policy_for(NULL, plane, NULL) && k8s_wasm_has_policy_for(host, 77, NULL));
    CHECK(k8s_wasm_has_policy_for(host, K8S_WASM_PLANE_VALIDATION, &request));

    k8s_wasm_source source = {99, bytes("x"), bytes("modules: []")};
    k8s_wasm_options options = {{NULL, 0}, {NULL, 0}, NULL, NULL, 0};
    k8s_wasm_host *other = NULL;
    CHECK(k8s_wasm_open(NULL, NULL, &other, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(k8s_wasm_open(&source, NULL, &other, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    source.format = K8S_WASM_FORMAT_AUTHORIZATION;
    CHECK(k8s_wasm_open(&source, NULL, NULL, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    options.code_cache = latin;
    CHECK(k8s_wasm_open(&source, &options, &other, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(contains(&text, "`options.code_cache` is not UTF-8") && other == NULL);
    source.text = no_data;
    source.path = no_data;
    CHECK(k8s_wasm_open(&source, NULL, &other, NULL, &text) == K8S_WASM_STATUS_INVALID_ARGUMENT);

    k8s_wasm_close(NULL);
    k8s_wasm_cancel(NULL);
    k8s_wasm_cancellation_free(NULL);
    k8s_wasm_buffer_free(NULL);
    k8s_wasm_buffer_free(&text);
    k8s_wasm_buffer_free(&text);
    k8s_wasm_close(host);
    for (k8s_wasm_status status = 0; status < 20; status++)
        CHECK(strlen(k8s_wasm_status_message(status)) > 0);
    CHECK(k8s_wasm_abi() == K8S_WASM_ABI && strchr(k8s_wasm_version(), '.') != NULL);
}

static void reloads(void)
{
    const char *good = "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration, "
                       "authorization: {modules: [{module: authz.wasm}]}}";
    k8s_wasm_buffer text = {NULL, 0, 0};
    write_file("changing.yaml", good);
    k8s_wasm_host *host = open_file("changing.yaml");
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_UNCHANGED && text.data == NULL);
    write_file("changing.yaml", "kind: Nonsense");
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_INVALID_CONFIGURATION && contains(&text, "changing.yaml"));
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_UNCHANGED);
    CHECK(evaluate(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, &text) ==
          K8S_WASM_STATUS_OK);
    write_file("changing.yaml", "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration, "
                                "authorization: {modules: [{module: trap.wasm}]}}");
    CHECK(k8s_wasm_reload(host, &text) == K8S_WASM_STATUS_INVALID_CONFIGURATION && contains(&text, "`kubelet-lease`"));
    write_file("changing.yaml", "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration}");
    CHECK(k8s_wasm_reload(host, NULL) == K8S_WASM_STATUS_OK);
    CHECK(!k8s_wasm_has_policy_for(host, K8S_WASM_PLANE_AUTHORIZATION, NULL));
    k8s_wasm_buffer_free(&text);
    k8s_wasm_close(host);
}

struct messages {
    pthread_t thread;
    const char *stack;
    bool module_logged, decided;
};

static void receive_message(void *context, k8s_wasm_level level, k8s_wasm_bytes text)
{
    struct messages *messages = context;
    char here = 0;
    ptrdiff_t distance = &here - messages->stack;
    /* On the thread of the caller and on its stack, not on that of a module. */
    CHECK(pthread_equal(messages->thread, pthread_self()));
    CHECK(-(1 << 20) < distance && distance < 1 << 20);
    CHECK(level >= K8S_WASM_LEVEL_ERROR && level <= K8S_WASM_LEVEL_INFO);
    CHECK(memmem(text.data, text.length, "secret-token", 12) == NULL);
    CHECK(text.length > 0 && text.data[text.length - 1] != '\n');
    messages->module_logged |= memmem(text.data, text.length, "a module logged", 15) != NULL;
    messages->decided |= memmem(text.data, text.length, "decided", 7) != NULL;
}

static void logs_calls(void)
{
    char here = 0;
    struct messages messages = {pthread_self(), &here, false, false};
    k8s_wasm_options options = {{NULL, 0}, {NULL, 0}, receive_message, &messages, K8S_WASM_LEVEL_INFO};
    const char *text = "modules: [{module: log.wasm, rules: [{operations: ['*'], apiGroups: ['*'], "
                       "apiVersions: ['*'], resources: ['*/*']}]}]";
    k8s_wasm_host *host = open_text(K8S_WASM_FORMAT_ADMISSION_PLUGIN, text, &options);
    /* Opening the host checked the settings of the policy. */
    CHECK(messages.module_logged && !messages.decided);
    messages.module_logged = false;
    k8s_wasm_buffer response = {NULL, 0, 0};
    CHECK(evaluate(host, K8S_WASM_PLANE_VALIDATION, bytes(ADMISSION_REVIEW), 10000, NULL, &response) ==
          K8S_WASM_STATUS_OK);
    CHECK(messages.module_logged && messages.decided);
    /* Its rules match the request that was already evaluated, so it is skipped. */
    messages.module_logged = false;
    k8s_wasm_request before = {bytes("CREATE"), bytes(""), bytes("v1"), bytes("pods"), {NULL, 0}, true};
    k8s_wasm_evaluation_request again = {.plane = K8S_WASM_PLANE_VALIDATION,
                                         .review = bytes(ADMISSION_REVIEW),
                                         .timeout_milliseconds = 10000,
                                         .already_evaluated = &before,
                                         .already_evaluated_length = 1};
    CHECK(k8s_wasm_evaluate(host, &again, &response) == K8S_WASM_STATUS_OK);
    CHECK(!messages.module_logged);
    CHECK(!k8s_wasm_denies_on_failure(host));
    CHECK(k8s_wasm_metrics(host, NULL) == K8S_WASM_STATUS_INVALID_ARGUMENT);
    CHECK(k8s_wasm_metrics(host, &response) == K8S_WASM_STATUS_OK &&
          contains(&response, "k8s_wasm_config_generation 1\n"));
    CHECK(k8s_wasm_decisions(host, 0, &response) == K8S_WASM_STATUS_OK && contains(&response, "\"uid\":\"4711\""));
    CHECK(k8s_wasm_decisions(host, UINT64_MAX, &response) == K8S_WASM_STATUS_OK && contains(&response, "\"decisions\":[]"));
    k8s_wasm_buffer_free(&response);
    k8s_wasm_close(host);

    options.log_level = 5;
    k8s_wasm_source source = {K8S_WASM_FORMAT_ADMISSION_PLUGIN, bytes("x"), bytes("modules: []")};
    CHECK(k8s_wasm_open(&source, &options, &host, NULL, NULL) == K8S_WASM_STATUS_INVALID_ARGUMENT);
}

/* A caller that does not free a buffer; the sanitizer must report it. */
static void leak(void)
{
    k8s_wasm_host *host = open_file("config.yaml");
    k8s_wasm_buffer *response = calloc(1, sizeof *response);
    evaluate(host, K8S_WASM_PLANE_AUTHORIZATION, bytes(ACCESS_REVIEW), 10000, NULL, response);
    free(response);
    k8s_wasm_close(host);
}

int main(int count, char **arguments)
{
    CHECK(count >= 2);
    directory = arguments[1];
    if (count == 3) {
        leak();
        return 0;
    }
    evaluates_on_all_planes();
    reports_failed_policies();
    cancels_and_reports_overload();
    rejects_bad_configurations();
    rejects_invalid_arguments();
    reloads();
    logs_calls();
    puts("done");
    return 0;
}
