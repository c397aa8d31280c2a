// Command token checks a TokenReview with encoding/json and types.
package main

import (
	"encoding/json"

	"github.com/k8s-wasm/k8s-wasm/study/guests/go/conventions"
)

type request struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Token     string          `json:"token"`
		Audiences json.RawMessage `json:"audiences"`
	} `json:"spec"`
}

type response struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Status     status `json:"status"`
}

type status struct {
	Authenticated bool            `json:"authenticated"`
	User          *user           `json:"user,omitempty"`
	Audiences     json.RawMessage `json:"audiences,omitempty"`
}

type user struct {
	Username string   `json:"username"`
	UID      string   `json:"uid"`
	Groups   []string `json:"groups"`
}

func init() {
	conventions.Program = check
}

func check(input []byte) []byte {
	var review request
	if err := json.Unmarshal(input, &review); err != nil {
		panic(err)
	}
	result := status{}
	if review.Spec.Token == "magic-token" {
		result = status{
			Authenticated: true,
			User:          &user{Username: "magic-user", UID: "0", Groups: []string{"magic-group"}},
			Audiences:     review.Spec.Audiences,
		}
	}
	output, err := json.Marshal(response{APIVersion: review.APIVersion, Kind: review.Kind, Status: result})
	if err != nil {
		panic(err)
	}
	return output
}

func main() {}
