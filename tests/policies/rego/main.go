// Command policies compiles the Rego policies of this folder to WebAssembly with OPA's own compiler.
//
//	go run . <out-dir>          compile every policy to <out-dir>/<mode>-<name>.wasm
//	go run . -check <out-dir>   the same, then run the cases with OPA's own runtime
//	go run . -record <file>     record OPA's results in a table of calls of built-in functions
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	check := flag.Bool("check", false, "run the cases with the compiled modules")
	record := flag.Bool("record", false, "record results in a table of calls instead of compiling")
	flag.Parse()
	if err := run(context.Background(), *check, *record, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check, record bool, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: go run . [-check] <out-dir> | go run . -record <file>")
	}
	if record {
		return recordCalls(ctx, args[0])
	}
	policies, err := findPolicies(".")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return err
	}
	for _, policy := range policies {
		module, err := policy.compile(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", policy, err)
		}
		if err := os.WriteFile(policy.output(args[0]), module, 0o644); err != nil {
			return err
		}
		if check {
			if err := policy.check(ctx, module); err != nil {
				return fmt.Errorf("%s: %w", policy, err)
			}
		}
	}
	return nil
}
