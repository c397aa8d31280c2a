// Command upper converts ASCII letters to upper case.
package main

import "github.com/k8s-wasm/k8s-wasm/study/guests/go/conventions"

func init() {
	conventions.Program = upper
}

func upper(input []byte) []byte {
	output := make([]byte, len(input))
	for i, b := range input {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		output[i] = b
	}
	return output
}

func main() {}
