package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// instance is an instance that can be called.
type instance struct {
	module   api.Module
	exchange *exchange
}

// exchange is the data that one call exchanges with the host, with any calling convention.
type exchange struct {
	input  bytes.Reader
	output bytes.Buffer
	log    bytes.Buffer
	// message is the message of waPC.
	message []byte
}

func (e *exchange) begin(input []byte) {
	e.input.Reset(input)
	e.output.Reset()
	e.log.Reset()
	e.message = input
}

// start creates and initializes an instance.
func start(ctx context.Context, engine *engine, compiled wazero.CompiledModule) (*instance, error) {
	exchange := &exchange{}
	ctx, cancel := exchange.context(ctx)
	defer cancel()
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
		WithStdin(&exchange.input).WithStdout(&exchange.output).WithStderr(&exchange.log)
	module, err := engine.runtime.InstantiateModule(ctx, compiled, config)
	if err != nil {
		return nil, err
	}
	return &instance{module, exchange}, nil
}

// context returns a context with the exchange, for the functions of waPC, and with the deadline of a call.
func (e *exchange) context(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, exchangeKey{}, e), deadline)
}

type exchangeKey struct{}

func (i *instance) call(ctx context.Context, convention string, input []byte) ([]byte, error) {
	ctx, cancel := i.exchange.context(ctx)
	defer cancel()
	switch convention {
	case "raw":
		return i.raw(ctx, input)
	case "stdio":
		return i.stdio(ctx, input)
	case "wapc":
		return i.wapc(ctx, input)
	}
	return nil, fmt.Errorf("wazero has no calling convention %q", convention)
}

func (i *instance) raw(ctx context.Context, input []byte) ([]byte, error) {
	room, err := i.export(ctx, "alloc", uint64(len(input)))
	if err != nil {
		return nil, err
	}
	if !i.module.Memory().Write(uint32(room), input) {
		return nil, errOutOfBounds
	}
	place, err := i.export(ctx, "raw", room, uint64(len(input)))
	if err != nil {
		return nil, err
	}
	response, ok := i.module.Memory().Read(uint32(place>>32), uint32(place))
	if !ok {
		return nil, errOutOfBounds
	}
	return bytes.Clone(response), nil
}

func (i *instance) stdio(ctx context.Context, input []byte) ([]byte, error) {
	i.exchange.begin(input)
	function := i.module.ExportedFunction("stdio")
	if function == nil {
		return nil, fmt.Errorf("no export stdio")
	}
	if _, err := function.Call(ctx); err != nil {
		if i.exchange.log.Len() == 0 {
			return nil, err
		}
		return nil, fmt.Errorf("%s; log of the guest: %s", firstLine(err), i.exchange.log.Bytes())
	}
	return bytes.Clone(i.exchange.output.Bytes()), nil
}

func (i *instance) wapc(ctx context.Context, input []byte) ([]byte, error) {
	i.exchange.begin(input)
	success, err := i.export(ctx, "__guest_call", uint64(len(operation)), uint64(len(input)))
	if err != nil {
		return nil, err
	}
	if success != 1 {
		return nil, fmt.Errorf("the guest returned %d", success)
	}
	return bytes.Clone(i.exchange.output.Bytes()), nil
}

// export calls an exported function with one result.
func (i *instance) export(ctx context.Context, name string, arguments ...uint64) (uint64, error) {
	function := i.module.ExportedFunction(name)
	if function == nil {
		return 0, fmt.Errorf("no export %s", name)
	}
	results, err := function.Call(ctx, arguments...)
	if err != nil {
		return 0, err
	}
	return results[0], nil
}
