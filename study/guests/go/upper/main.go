// to-upper: ASCII letters in upper case, everything else as it is.
package main

import "github.com/k8s-wasm/k8s-wasm/bench/study/guests/go/ways"

func init() {
	ways.Answer = upper
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
