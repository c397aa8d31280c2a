package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// hostCall returns 0 when the host answered and 1 when it refused; the answer or the reason is appended to standard input.
//
//go:wasmimport host call
func hostCall(binding, namespace, operation, payload string) int32

// getNamespace asks the host for a namespace.
func getNamespace(name string) (Object, error) {
	request, err := json.Marshal(map[string]any{
		"api_version":   "v1",
		"kind":          "Namespace",
		"name":          name,
		"disable_cache": false,
	})
	if err != nil {
		return Object{}, err
	}
	answer, err := call("kubernetes", "get_resource", string(request))
	if err != nil {
		return Object{}, fmt.Errorf("cannot read the namespace: %w", err)
	}
	var namespace Object
	if err := json.Unmarshal(answer, &namespace); err != nil {
		return Object{}, fmt.Errorf("cannot parse the namespace: %w", err)
	}
	return namespace, nil
}

// call performs a host call; the input was read to its end before.
func call(namespace, operation, payload string) ([]byte, error) {
	refused := hostCall("kubewarden", namespace, operation, payload) != 0
	answer, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("cannot read the host's answer: %w", err)
	}
	if refused {
		return nil, errors.New(string(answer))
	}
	return answer, nil
}
