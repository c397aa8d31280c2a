// Command required-annotations is a policy in the execution mode wasi. Objects, or optionally their
// namespaces, must have annotations.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Settings are the settings of the policy.
type Settings struct {
	// Annotations are the required keys.
	Annotations []string `json:"annotations"`
	// Inherit accepts an object whose namespace has the missing annotations.
	Inherit bool `json:"inherit"`
}

// Validation is the response to validate.
type Validation struct {
	Accepted bool     `json:"accepted"`
	Message  string   `json:"message,omitempty"`
	Code     int      `json:"code,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// SettingsValidation is the response to validate-settings.
type SettingsValidation struct {
	Valid   bool   `json:"valid"`
	Message string `json:"message,omitempty"`
}

// Object contains the fields that the policy reads of a Kubernetes object.
type Object struct {
	Metadata struct {
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
}

func main() {
	if err := run(os.Args, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run performs the operation in the arguments.
func run(arguments []string, input io.Reader, output io.Writer) error {
	if len(arguments) != 2 {
		return errors.New("usage: policy.wasm validate|validate-settings")
	}
	payload, err := io.ReadAll(input)
	if err != nil {
		return fmt.Errorf("cannot read the input: %w", err)
	}
	var response any
	switch operation := arguments[1]; operation {
	case "validate":
		response, err = validate(payload)
	case "validate-settings":
		response, err = validateSettings(payload)
	default:
		err = fmt.Errorf("unknown operation %q", operation)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(output).Encode(response)
}

func validate(payload []byte) (*Validation, error) {
	var input struct {
		Request struct {
			Namespace string `json:"namespace"`
			Object    Object `json:"object"`
		} `json:"request"`
		Settings Settings `json:"settings"`
	}
	if err := json.Unmarshal(payload, &input); err != nil {
		return nil, fmt.Errorf("cannot parse the request: %w", err)
	}
	request, settings := input.Request, input.Settings
	missing := missingIn(request.Object, settings.Annotations)
	if len(missing) == 0 {
		return &Validation{Accepted: true}, nil
	}
	if !settings.Inherit || request.Namespace == "" {
		return rejection("the annotation %q is missing", missing[0]), nil
	}
	namespace, err := getNamespace(request.Namespace)
	if err != nil {
		return nil, err
	}
	if still := missingIn(namespace, missing); len(still) > 0 {
		return rejection("the annotation %q is missing, also in the namespace %q", still[0], request.Namespace), nil
	}
	validation := Validation{Accepted: true}
	for _, key := range missing {
		validation.Warnings = append(validation.Warnings, fmt.Sprintf("the annotation %q comes from the namespace", key))
	}
	return &validation, nil
}

func validateSettings(payload []byte) (*SettingsValidation, error) {
	var settings Settings
	if err := json.Unmarshal(payload, &settings); err != nil {
		return &SettingsValidation{Message: fmt.Sprintf("cannot parse the settings: %v", err)}, nil
	}
	if len(settings.Annotations) == 0 {
		return &SettingsValidation{Message: "list an annotation in `annotations`"}, nil
	}
	return &SettingsValidation{Valid: true}, nil
}

func rejection(format string, arguments ...any) *Validation {
	return &Validation{Code: 422, Message: fmt.Sprintf(format, arguments...)}
}

// missingIn returns the keys of the annotations that an object lacks.
func missingIn(object Object, keys []string) []string {
	var missing []string
	for _, key := range keys {
		if _, found := object.Metadata.Annotations[key]; !found {
			missing = append(missing, key)
		}
	}
	return missing
}
