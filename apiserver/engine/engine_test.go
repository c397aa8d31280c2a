// Tests of the bridge with the real library and the module whose settings define its behaviour
// (spec/guests/behaviours).

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/engine/enginetest"
)

const accessReview = `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"jane","nonResourceAttributes":{"path":"/","verb":"get"}}}`

const allow = `[{answer: {status: {allowed: true}}}]`

// authorizer opens a host with one policy that takes the steps.
func authorizer(t testing.TB, steps string) *engine.Host {
	t.Helper()
	return enginetest.Open(t, engine.Authorizers, enginetest.Authorizer(t, steps))
}

func evaluate(host *engine.Host) (string, error) {
	response, err := host.Evaluate(context.Background(), engine.Authorization, []byte(accessReview))
	return string(response), err
}

func wantStatus(t testing.TB, err error, status engine.Status, text string) {
	t.Helper()
	var failed *engine.Error
	if !errors.As(err, &failed) || failed.Status != status || !strings.Contains(failed.Message, text) {
		t.Errorf("got %#v, want status %d with %q", err, status, text)
	}
}

func TestEvaluateReturnsTheReview(t *testing.T) {
	response, err := evaluate(authorizer(t, allow))
	if err != nil || !strings.Contains(response, `"allowed":true`) {
		t.Errorf("got %q, %v", response, err)
	}
}

func TestVersionIsNotEmpty(t *testing.T) {
	if engine.Version() == "" {
		t.Error("no version")
	}
}

func TestOpenReportsInvalidConfigurations(t *testing.T) {
	for _, test := range []struct {
		source engine.Source
		status engine.Status
		text   string
	}{
		{engine.Source{Format: engine.Authorizers, Path: "a.yaml", Text: []byte("modules:\n- modul: a.wasm\n")}, engine.InvalidConfiguration, "modul"},
		{engine.Source{Format: engine.Authorizers, Path: "/nowhere/a.yaml"}, engine.InvalidConfiguration, "/nowhere/a.yaml"},
		{engine.Source{Format: 77, Path: "/nowhere"}, engine.InvalidArgument, ""},
	} {
		_, err := engine.Open(test.source, engine.Options{})
		wantStatus(t, err, test.status, test.text)
	}
}

func TestAFailedPolicyMakesNoDecision(t *testing.T) {
	for _, steps := range []string{"[trap]", "[panic]", "[recurse]", "[loop]", "[{allocate: 4000}]", "[{flood-stdout: 64}]"} {
		response, err := evaluate(authorizer(t, steps))
		wantStatus(t, err, engine.NoDecision, "test")
		if response != "" {
			t.Errorf("%s: got %q", steps, response)
		}
	}
}

func TestEvaluateRejectsInvalidReviews(t *testing.T) {
	host := authorizer(t, allow)
	for _, review := range []string{"", "{", "null", `{"kind":"Pod"}`} {
		_, err := host.Evaluate(context.Background(), engine.Authorization, []byte(review))
		wantStatus(t, err, engine.InvalidReview, "")
	}
	_, err := host.Evaluate(context.Background(), engine.Plane(77), []byte(accessReview))
	wantStatus(t, err, engine.InvalidArgument, "")
}

func TestTheEndOfAContextEndsTheCall(t *testing.T) {
	slow := strings.Replace(enginetest.Authorizer(t, "[loop]"), "200ms", "20s", 1)
	host := enginetest.Open(t, engine.Authorizers, slow)
	started := time.Now()
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("the client disconnected")
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	if _, err := host.Evaluate(ctx, engine.Authorization, []byte(accessReview)); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if _, err := host.Evaluate(ctx, engine.Authorization, []byte(accessReview)); !errors.Is(err, cause) {
		t.Errorf("got %v from a context that had ended", err)
	}
	short, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	if response, err := host.Evaluate(short, engine.Authorization, []byte(accessReview)); err == nil {
		t.Errorf("got %q after the deadline", response)
	}
	if elapsed := time.Since(started); elapsed > engine.DefaultTimeout/2 {
		t.Errorf("took %v", elapsed)
	}
}

func TestHasPolicyForMatchesRules(t *testing.T) {
	rule := `rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [configmaps], scope: Namespaced}]`
	host := enginetest.Open(t, engine.AdmissionConfiguration, enginetest.Admission(t, rule, "[]"))
	matching := engine.Request{Operation: "CREATE", Version: "v1", Resource: "configmaps", Namespaced: true}
	for _, test := range []struct {
		name   string
		plane  engine.Plane
		change func(*engine.Request)
		want   bool
	}{
		{"the rule", engine.Validation, func(*engine.Request) {}, true},
		{"another plane", engine.Mutation, func(*engine.Request) {}, false},
		{"another operation", engine.Validation, func(r *engine.Request) { r.Operation = "DELETE" }, false},
		{"another group", engine.Validation, func(r *engine.Request) { r.Group = "apps" }, false},
		{"a subresource", engine.Validation, func(r *engine.Request) { r.Subresource = "status" }, false},
		{"another scope", engine.Validation, func(r *engine.Request) { r.Namespaced = false }, false},
	} {
		request := matching
		test.change(&request)
		if got := host.HasPolicyFor(test.plane, request); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestReloadKeepsThePoliciesUntilTheChangeLoads(t *testing.T) {
	text := enginetest.Authorizer(t, allow)
	file := filepath.Join(t.TempDir(), "authz.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	host, err := engine.Open(engine.Source{Format: engine.Authorizers, Path: file}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	if changed, err := host.Reload(); changed || err != nil {
		t.Errorf("nothing changed: got %v, %v", changed, err)
	}
	write("modules:\n- modul: x\n")
	_, err = host.Reload()
	wantStatus(t, err, engine.InvalidConfiguration, "modul")
	if response, err := evaluate(host); !strings.Contains(response, `"allowed":true`) {
		t.Errorf("the previous policies: got %q, %v", response, err)
	}
	write(strings.Replace(text, "allowed: true", "denied: true, reason: reloaded", 1))
	if changed, err := host.Reload(); !changed || err != nil {
		t.Errorf("a good change: got %v, %v", changed, err)
	}
	if response, err := evaluate(host); !strings.Contains(response, "reloaded") {
		t.Errorf("the new policies: got %q, %v", response, err)
	}
}

func TestReportsMetricsAndDecisions(t *testing.T) {
	host := authorizer(t, allow)
	if _, err := evaluate(host); err != nil {
		t.Fatal(err)
	}
	metrics, err := host.Metrics()
	if want := `k8s_wasm_decisions_total{plane="authorization",verdict="allowed"} 1`; err != nil || !strings.Contains(string(metrics), want) {
		t.Errorf("got %s, %v", metrics, err)
	}
	decisions, err := host.Decisions(0)
	if err != nil || !strings.Contains(string(decisions), `"verdict":"allowed"`) {
		t.Errorf("got %s, %v", decisions, err)
	}
	if later, err := host.Decisions(1); err != nil || string(later) != `{"newest":1,"decisions":[]}` {
		t.Errorf("got %s, %v", later, err)
	}
}

func TestLogsFailuresButNotTheOutputOfModules(t *testing.T) {
	var mutex sync.Mutex
	var lines []string
	log := func(level engine.Level, text string) {
		mutex.Lock()
		defer mutex.Unlock()
		lines = append(lines, fmt.Sprint(level, text))
	}
	host := enginetest.OpenWith(t, engine.Authorizers, enginetest.Authorizer(t, `[{stderr: hush}, trap]`),
		engine.Options{Log: log, LogLevel: engine.LevelInfo})
	_, err := evaluate(host)
	wantStatus(t, err, engine.NoDecision, "")
	mutex.Lock()
	defer mutex.Unlock()
	all := strings.Join(lines, "\n")
	if !strings.Contains(all, fmt.Sprint(engine.LevelWarn)) || !strings.Contains(all, "test") || strings.Contains(all, "hush") {
		t.Errorf("got %s", all)
	}
}

func TestAClosedHostReturnsAnError(t *testing.T) {
	host := enginetest.OpenWith(t, engine.Authorizers, enginetest.Authorizer(t, allow), engine.Options{Log: func(engine.Level, string) {}})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for {
				response, err := evaluate(host)
				if errors.Is(err, engine.ErrClosed) {
					return
				}
				if err != nil || !strings.Contains(response, `"allowed":true`) {
					t.Errorf("got %q, %v", response, err)
					return
				}
			}
		})
	}
	host.Close()
	wait.Wait()
	host.Close()
	if _, err := host.Reload(); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if !host.HasPolicyFor(engine.Validation, engine.Request{}) {
		t.Error("a closed host must not skip requests")
	}
}
