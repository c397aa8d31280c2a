package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// hostCall returns 0 for a response and 1 for an error. The host appends the response or the error to
// standard input.
//
//go:wasmimport host call
func hostCall(binding, namespace, operation, payload string) int32

// getNamespace reads a namespace through the host.
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
	response, err := call("kubernetes", "get_resource", string(request))
	if err != nil {
		return Object{}, fmt.Errorf("cannot read the namespace: %w", err)
	}
	var namespace Object
	if err := json.Unmarshal(response, &namespace); err != nil {
		return Object{}, fmt.Errorf("cannot parse the namespace: %w", err)
	}
	return namespace, nil
}

// call performs a host call. The input must have been read to its end before.
func call(namespace, operation, payload string) ([]byte, error) {
	failed := hostCall("kubewarden", namespace, operation, payload) != 0
	response, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("cannot read the response of the host: %w", err)
	}
	if failed {
		return nil, errors.New(string(response))
	}
	return response, nil
}
