// Tests of the plugin with the real engine and the API server's own types: mutated objects, and the
// errors for clients.

package admission

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	mutatingwebhook "k8s.io/apiserver/pkg/admission/plugin/webhook/mutating"
	"k8s.io/apiserver/pkg/authentication/user"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"

	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/engine/enginetest"
)

// everything is a rule that matches all requests of the tests.
const everything = `rules: [{operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"]}]`

func mutator(t *testing.T, steps string) *Plugin {
	t.Helper()
	fields := "mutating: true, " + everything
	return New(enginetest.Open(t, engine.AdmissionConfiguration, enginetest.Admission(t, fields, steps)))
}

func validator(t *testing.T, fields, steps string) *Plugin {
	t.Helper()
	return New(enginetest.Open(t, engine.AdmissionConfiguration, enginetest.Admission(t, fields, steps)))
}

// jsonPatch returns steps that respond with a patch.
func jsonPatch(operations string) string {
	return "[{patch: {form: JSONPatch, document: [" + operations + "]}}]"
}

// attributes returns the attributes of a request for an object in the internal version.
func attributes(object runtime.Object, version, kind, resource, subresource string, operation admission.Operation) admission.Attributes {
	group, plain, found := strings.Cut(version, "/")
	if !found {
		group, plain = "", version
	}
	gv := schema.GroupVersion{Group: group, Version: plain}
	var old runtime.Object
	if operation == admission.Delete {
		object, old = nil, object
	}
	jane := &user.DefaultInfo{Name: "jane", Groups: []string{"dev"}}
	return admission.NewAttributesRecord(object, old, gv.WithKind(kind), "default", "name", gv.WithResource(resource), subresource, operation, &metav1.CreateOptions{}, false, jane)
}

func configMap(operation admission.Operation) (*core.ConfigMap, admission.Attributes) {
	object := &core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "name", Namespace: "default"}, Data: map[string]string{"k": "v"}}
	return object, attributes(object, "v1", "ConfigMap", "configmaps", "", operation)
}

// objects are the API server's functions for its own types, with a resource that has two equivalent
// versions.
type objects struct {
	admission.ObjectInterfaces
	mapper runtime.EquivalentResourceRegistry
}

func (o objects) GetEquivalentResourceMapper() runtime.EquivalentResourceMapper { return o.mapper }

func newObjects() objects {
	mapper := runtime.NewEquivalentResourceRegistryWithIdentity(func(resource schema.GroupResource) string { return resource.Resource })
	for _, version := range []string{"v1", "v2"} {
		gv := schema.GroupVersion{Group: "autoscaling", Version: version}
		mapper.RegisterKindFor(gv.WithResource("horizontalpodautoscalers"), "", gv.WithKind("HorizontalPodAutoscaler"))
	}
	return objects{admission.NewObjectInterfacesFromScheme(legacyscheme.Scheme), mapper}
}

func status(t *testing.T, err error) metav1.Status {
	t.Helper()
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatalf("got %v", err)
	}
	return status.Status()
}

func TestAPatchMutatesTypedObjectsAndAppliesDefaults(t *testing.T) {
	pod := &core.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: core.PodSpec{Containers: []core.Container{{Name: "a", Image: "a"}}}}
	request := attributes(pod, "v1", "Pod", "pods", "", admission.Create)
	plugin := mutator(t, jsonPatch(`{op: add, path: /spec/containers/-, value: {name: b, image: b, nothingOfTheKind: 1}}`))
	if err := plugin.Admit(context.Background(), request, newObjects()); err != nil {
		t.Fatal(err)
	}
	if len(pod.Spec.Containers) != 2 || pod.Spec.Containers[1].TerminationMessagePath != core.TerminationMessagePathDefault {
		t.Errorf("got %+v", pod.Spec.Containers)
	}
	if !request.GetReinvocationContext().ShouldReinvoke() {
		t.Error("earlier plugins would not see the mutation")
	}
}

func TestAPatchMutatesCustomResources(t *testing.T) {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": "w"}, "spec": map[string]any{"size": int64(1)},
	}}
	plugin := mutator(t, jsonPatch(`{op: add, path: /spec/color, value: red}`))
	if err := plugin.Admit(context.Background(), attributes(object, "example.com/v1", "Widget", "widgets", "", admission.Create), newObjects()); err != nil {
		t.Fatal(err)
	}
	if color, _, _ := unstructured.NestedString(object.Object, "spec", "color"); color != "red" {
		t.Errorf("got %v", object.Object)
	}
	if size, _, _ := unstructured.NestedInt64(object.Object, "spec", "size"); size != 1 {
		t.Errorf("got %v", object.Object)
	}
}

func TestAPatchMutatesSubresources(t *testing.T) {
	scale := &autoscaling.Scale{ObjectMeta: metav1.ObjectMeta{Name: "d"}, Spec: autoscaling.ScaleSpec{Replicas: 9}}
	request := admission.NewAttributesRecord(scale, nil, schema.GroupVersionKind{Group: "autoscaling", Version: "v1", Kind: "Scale"}, "default", "d",
		schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "scale", admission.Update, &metav1.UpdateOptions{}, true, &user.DefaultInfo{Name: "jane"})
	plugin := mutator(t, jsonPatch(`{op: replace, path: /spec/replicas, value: 3}`))
	if err := plugin.Admit(context.Background(), request, newObjects()); err != nil || scale.Spec.Replicas != 3 {
		t.Errorf("got %+v, %v", scale.Spec, err)
	}
}

func TestAPolicyEvaluatesTheVersionInItsRules(t *testing.T) {
	object := &autoscaling.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "h"}, Spec: autoscaling.HorizontalPodAutoscalerSpec{MaxReplicas: 9}}
	request := attributes(object, "autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "", admission.Create)
	fields := `mutating: true, rules: [{operations: [CREATE], apiGroups: [autoscaling], apiVersions: [v1], resources: [horizontalpodautoscalers]}]`
	// A field that only v1 has.
	steps := jsonPatch(`{op: add, path: /spec/targetCPUUtilizationPercentage, value: 50}`)
	plugin := New(enginetest.Open(t, engine.AdmissionConfiguration, enginetest.Admission(t, fields, steps)))
	if err := plugin.Admit(context.Background(), request, newObjects()); err != nil {
		t.Fatal(err)
	}
	if len(object.Spec.Metrics) != 1 {
		t.Errorf("got %+v", object.Spec)
	}
}

func TestAPolicyForEveryVersionEvaluatesOnce(t *testing.T) {
	object := &autoscaling.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "h", Finalizers: []string{"example.com/before"}},
		Spec:       autoscaling.HorizontalPodAutoscalerSpec{MaxReplicas: 9},
	}
	request := attributes(object, "autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "", admission.Create)
	fields := `mutating: true, rules: [{operations: [CREATE], apiGroups: [autoscaling], apiVersions: ["*"], resources: [horizontalpodautoscalers]}]`
	steps := jsonPatch(`{op: add, path: /metadata/finalizers/-, value: example.com/ours}`)
	plugin := New(enginetest.Open(t, engine.AdmissionConfiguration, enginetest.Admission(t, fields, steps)))
	if err := plugin.Admit(context.Background(), request, newObjects()); err != nil {
		t.Fatal(err)
	}
	if got := len(object.Finalizers); got != 2 {
		t.Errorf("got %v", object.Finalizers)
	}
}

func TestAPatchWithoutAnObjectIsRejected(t *testing.T) {
	for _, operation := range []admission.Operation{admission.Delete, admission.Connect} {
		_, request := configMap(operation)
		if operation == admission.Connect {
			request = attributes(&core.PodExecOptions{Command: []string{"sh"}}, "v1", "PodExecOptions", "pods", "exec", operation)
		}
		err := mutator(t, jsonPatch(`{op: add, path: /metadata, value: {}}`)).Admit(context.Background(), request, newObjects())
		if got := status(t, err); got.Code != http.StatusInternalServerError || !strings.Contains(got.Message, "`test`") {
			t.Errorf("%s: got %+v", operation, got)
		}
	}
}

func TestPoliciesAreReinvokedOnlyAfterAChange(t *testing.T) {
	object, request := configMap(admission.Create)
	plugin := mutator(t, jsonPatch(`{op: replace, path: /data/k, value: ours}`))
	admit := func() string {
		t.Helper()
		if err := plugin.Admit(context.Background(), request, newObjects()); err != nil {
			t.Fatal(err)
		}
		return object.Data["k"]
	}
	if got := admit(); got != "ours" {
		t.Errorf("the first invocation: got %q", got)
	}
	request.GetReinvocationContext().SetIsReinvoke()
	plugin.host.Close()
	if got := admit(); got != "ours" {
		t.Errorf("the reinvocation without a change: got %q", got)
	}
	object.Data["k"] = "theirs"
	if err := plugin.Admit(context.Background(), request, newObjects()); err == nil {
		t.Error("the reinvocation after a change: the policies did not run")
	}
}

func TestARejectionHasTheStatusOfThePolicy(t *testing.T) {
	const reject = `[{answer: {response: {allowed: false, status: {code: 418, reason: Teapot, message: short and stout}}}}]`
	_, request := configMap(admission.Create)
	err := validator(t, everything, reject).Validate(context.Background(), request, newObjects())
	got := status(t, err)
	want := `admission plugin "WASM" denied the request: test: short and stout`
	if got.Code != 418 || got.Reason != "Teapot" || got.Message != want || got.Status != metav1.StatusFailure {
		t.Errorf("got %+v", got)
	}
}

func TestFailuresFollowTheFailurePolicy(t *testing.T) {
	for _, steps := range []string{"[trap]", "[loop]", "[{stdout: nonsense}]", jsonPatch(`{op: add, path: /data, value: {}}`)} {
		_, request := configMap(admission.Create)
		err := validator(t, everything, steps).Validate(context.Background(), request, newObjects())
		if got := status(t, err); got.Code != http.StatusInternalServerError || !strings.Contains(got.Message, `admission plugin "WASM" did not decide: policy `+"`test`") {
			t.Errorf("Fail, %s: got %+v", steps, got)
		}
		warnings := &recorder{}
		ctx := warning.WithWarningRecorder(context.Background(), warnings)
		if err := validator(t, "failurePolicy: Ignore, "+everything, steps).Validate(ctx, request, newObjects()); err != nil {
			t.Errorf("Ignore, %s: got %v", steps, err)
		}
		if !strings.Contains(warnings.text, "`test` failed and was ignored") {
			t.Errorf("Ignore, %s: got the warning %q", steps, warnings.text)
		}
	}
}

type recorder struct{ text string }

func (r *recorder) AddWarning(_, text string) { r.text += text }

func TestAPolicyWithoutAMatchingRuleIsSkipped(t *testing.T) {
	const rule = `rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [secrets]}]`
	_, request := configMap(admission.Create)
	plugin := validator(t, rule, "[trap]")
	if err := plugin.Validate(context.Background(), request, newObjects()); err != nil {
		t.Error(err)
	}
	if err := plugin.Admit(context.Background(), request, newObjects()); err != nil {
		t.Error(err)
	}
}

// annotated records audit annotations.
type annotated struct {
	admission.Attributes
	annotations map[string]string
}

func (a annotated) AddAnnotation(key, value string) error {
	a.annotations[key] = value
	return a.Attributes.AddAnnotation(key, value)
}

func TestAnnotationsReachTheAuditLog(t *testing.T) {
	const steps = `[{answer: {response: {allowed: true, auditAnnotations: {seen: "yes"}}}}]`
	_, request := configMap(admission.Create)
	audited := annotated{request, map[string]string{}}
	if err := validator(t, everything, steps).Validate(context.Background(), audited, newObjects()); err != nil {
		t.Fatal(err)
	}
	if err := mutator(t, steps).Admit(context.Background(), audited, newObjects()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"validate.k8s-wasm.io/test.seen": "yes", "mutate.k8s-wasm.io/test.seen": "yes"}
	if !maps.Equal(audited.annotations, want) {
		t.Errorf("got %v", audited.annotations)
	}
}

func TestThePluginIsOffByDefaultAndComesBeforeTheWebhooks(t *testing.T) {
	options := genericoptions.NewAdmissionOptions()
	Register(options, func() (*engine.Host, error) { return nil, errors.New("not opened") })
	order := options.RecommendedPluginOrder
	if ours, webhooks := slices.Index(order, PluginName), slices.Index(order, mutatingwebhook.PluginName); ours != webhooks-1 {
		t.Errorf("got %v", order)
	}
	if !options.DefaultOffPlugins.Has(PluginName) || len(options.Validate()) > 0 {
		t.Errorf("got %v, %v", options.DefaultOffPlugins, options.Validate())
	}
}

func TestOverloadIsTooManyRequestsWithRetryAfter(t *testing.T) {
	got := status(t, noDecision(context.Background(), &engine.Error{Status: engine.Overloaded, Message: "too much to do"}))
	if got.Code != http.StatusTooManyRequests || got.Details.RetryAfterSeconds != 1 || !strings.Contains(got.Message, "too much to do") {
		t.Errorf("got %+v", got)
	}
}

func TestACancelledRequestIsATimeout(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, request := configMap(admission.Create)
	err := validator(t, everything, "[loop]").Validate(ctx, request, newObjects())
	if !apierrors.IsTimeout(err) {
		t.Errorf("got %v", err)
	}
}
