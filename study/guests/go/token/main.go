// A TokenReview check with types, by encoding/json.
package main

import (
	"encoding/json"

	"github.com/k8s-wasm/k8s-wasm/bench/study/guests/go/ways"
)

type question struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Token     string          `json:"token"`
		Audiences json.RawMessage `json:"audiences"`
	} `json:"spec"`
}

type review struct {
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
	ways.Answer = answer
}

func answer(input []byte) []byte {
	var asked question
	if err := json.Unmarshal(input, &asked); err != nil {
		panic(err)
	}
	result := status{}
	if asked.Spec.Token == "magic-token" {
		result = status{
			Authenticated: true,
			User:          &user{Username: "magic-user", UID: "0", Groups: []string{"magic-group"}},
			Audiences:     asked.Spec.Audiences,
		}
	}
	output, err := json.Marshal(review{APIVersion: asked.APIVersion, Kind: asked.Kind, Status: result})
	if err != nil {
		panic(err)
	}
	return output
}

func main() {}
