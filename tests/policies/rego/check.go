package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/open-policy-agent/opa/features/wasm" // OPA's own runtime for modules
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/resolver"
	"github.com/open-policy-agent/opa/v1/resolver/wasm"
)

const (
	timeout = 30 * time.Second
	// Hostile policies do not end.
	hostileTimeout = time.Second
)

// A suite is the contents of cases.json, documented in README.md.
type suite struct {
	Builtins              []string         `json:"builtins"`
	ContextAwareResources []map[string]any `json:"contextAwareResources"`
	Cases                 []testCase       `json:"cases"`
}

type testCase struct {
	Name     string           `json:"name"`
	Request  map[string]any   `json:"request"`
	Settings map[string]any   `json:"settings"`
	Objects  []map[string]any `json:"objects"`
	Allowed  *bool            `json:"allowed"`
	Message  string           `json:"message"`
	Fails    string           `json:"fails"`
}

// check runs the cases of the policy with its module, in OPA's own runtime.
func (p policy) check(ctx context.Context, module []byte) error {
	text, err := os.ReadFile(filepath.Join(p.folder, "cases.json"))
	if err != nil {
		return err
	}
	var suite suite
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&suite); err != nil {
		return err
	}
	for _, one := range suite.Cases {
		if err := p.checkCase(ctx, module, one); err != nil {
			return fmt.Errorf("%s: %w", one.Name, err)
		}
		fmt.Printf("ok %s: %s\n", p, one.Name)
	}
	return nil
}

func (p policy) checkCase(ctx context.Context, module []byte, one testCase) error {
	limit := timeout
	if one.Fails != "" {
		limit = hostileTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result, err := p.evaluate(ctx, module, one)
	if one.Fails != "" {
		return checkFailure(ctx, one.Fails, err)
	}
	if err != nil {
		return err
	}
	allowed, message, err := p.verdict(result)
	if err != nil {
		return err
	}
	if one.Allowed == nil || *one.Allowed != allowed || one.Message != message {
		return fmt.Errorf("allowed: %t, message: %q", allowed, message)
	}
	return nil
}

// checkFailure distinguishes an abort of the policy from a timeout.
func checkFailure(ctx context.Context, fails string, err error) error {
	switch {
	case err == nil:
		return errors.New("the policy ended, but it should have failed")
	case fails == "abort" && ctx.Err() != nil:
		return fmt.Errorf("did not abort: %w", err)
	default:
		return nil
	}
}

func (p policy) evaluate(ctx context.Context, module []byte, one testCase) (any, error) {
	ref := ast.MustParseRef("data." + strings.ReplaceAll(p.mode.entrypoint, "/", "."))
	input, data := p.documents(one)
	engine, err := wasm.NewWithContext(ctx, []ast.Ref{ref}, module, data)
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	value, err := ast.InterfaceToValue(input)
	if err != nil {
		return nil, err
	}
	result, err := engine.Eval(ctx, resolver.Input{Ref: ref, Input: ast.NewTerm(value), Metrics: metrics.New()})
	if err != nil {
		return nil, err
	}
	if result.Value == nil {
		return nil, errors.New("no result")
	}
	return ast.JSON(result.Value)
}

// documents returns the input and the data of the policy in its mode.
func (p policy) documents(one testCase) (input, data map[string]any) {
	settings := one.Settings
	if settings == nil {
		settings = map[string]any{}
	}
	if p.mode.name == "gatekeeper" {
		input = map[string]any{"parameters": settings, "review": one.Request}
		return input, map[string]any{"inventory": inventory(one.Objects)}
	}
	data = map[string]any{"kubernetes": kubernetes(one.Objects)}
	for key, value := range settings {
		data[key] = value
	}
	return map[string]any{"request": one.Request}, data
}

// kubernetes returns the objects by <plural>.<namespace>.<name>, without the namespace for
// cluster-scoped objects.
func kubernetes(objects []map[string]any) map[string]any {
	tree := map[string]any{}
	for _, object := range objects {
		namespace, name := names(object)
		plural := strings.ToLower(object["kind"].(string)) + "s"
		path := []string{plural, name}
		if namespace != "" {
			path = []string{plural, namespace, name}
		}
		insert(tree, object, path...)
	}
	return tree
}

// inventory returns the objects by cluster.<apiVersion>.<kind>.<name> and
// namespace.<namespace>.<apiVersion>.<kind>.<name>.
func inventory(objects []map[string]any) map[string]any {
	tree := map[string]any{}
	for _, object := range objects {
		namespace, name := names(object)
		path := []string{object["apiVersion"].(string), object["kind"].(string), name}
		if namespace == "" {
			insert(tree, object, append([]string{"cluster"}, path...)...)
		} else {
			insert(tree, object, append([]string{"namespace", namespace}, path...)...)
		}
	}
	return tree
}

func names(object map[string]any) (namespace, name string) {
	metadata, _ := object["metadata"].(map[string]any)
	namespace, _ = metadata["namespace"].(string)
	name, _ = metadata["name"].(string)
	return namespace, name
}

func insert(tree map[string]any, value any, path ...string) {
	for _, key := range path[:len(path)-1] {
		branch, found := tree[key].(map[string]any)
		if !found {
			branch = map[string]any{}
			tree[key] = branch
		}
		tree = branch
	}
	tree[path[len(path)-1]] = value
}

// verdict reads the result as a host does.
func (p policy) verdict(result any) (allowed bool, message string, err error) {
	if p.mode.name == "gatekeeper" {
		violations, isArray := result.([]any)
		if !isArray {
			return false, "", fmt.Errorf("not an array: %v", result)
		}
		var messages []string
		for _, violation := range violations {
			fields, _ := violation.(map[string]any)
			text, _ := fields["msg"].(string)
			messages = append(messages, text)
		}
		return len(violations) == 0, strings.Join(messages, ", "), nil
	}
	review, _ := result.(map[string]any)
	response, _ := review["response"].(map[string]any)
	allowed, isBool := response["allowed"].(bool)
	if !isBool {
		return false, "", fmt.Errorf("not an admission review: %v", result)
	}
	status, _ := response["status"].(map[string]any)
	message, _ = status["message"].(string)
	return allowed, message, nil
}
