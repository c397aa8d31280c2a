// Command wazero is the worker of the study for wazero, the runtime that is written in Go.
//
// It reads requests and prints replies, one JSON object per line, as defined in src/protocol.rs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "wazero:", err)
		os.Exit(1)
	}
}

func serve() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("expected one argument: wazero-compiler or wazero-interpreter")
	}
	ctx := context.Background()
	engine, err := newEngine(ctx, os.Args[1])
	if err != nil {
		return err
	}
	replies := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var request request
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			return err
		}
		if err := replies.Encode(respond(ctx, engine, request)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// request has the fields of all kinds of requests.
type request struct {
	Do         string `json:"do"`
	Wasm       string `json:"wasm"`
	Convention string `json:"convention"`
	Reuse      string `json:"reuse"`
	Input      string `json:"input"`
	Response   string `json:"response"`
	Millis     int64  `json:"millis"`
	Copies     int    `json:"copies"`
}

type reply struct {
	Ok    any    `json:"ok,omitempty"`
	Error string `json:"error,omitempty"`
}

func respond(ctx context.Context, engine *engine, request request) reply {
	result, err := do(ctx, engine, request)
	if err != nil {
		return reply{Error: firstLine(err)}
	}
	return reply{Ok: result}
}

// firstLine removes the stack trace of the guest.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func do(ctx context.Context, engine *engine, request request) (any, error) {
	switch request.Do {
	case "compile":
		return compile(ctx, engine, request)
	case "measure":
		return measure(ctx, engine, request)
	case "resident":
		return resident(ctx, engine, request)
	}
	return nil, fmt.Errorf("unknown request %q", request.Do)
}
