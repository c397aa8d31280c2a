package main

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// operation is the operation of all calls; the programs of the study have only one.
var operation = []byte("answer")

var errOutOfBounds = errors.New("memory access out of bounds")

// instantiateWapc provides the functions of waPC that the guests of the study import.
func instantiateWapc(ctx context.Context, runtime wazero.Runtime) error {
	two := []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}
	_, err := runtime.NewHostModuleBuilder("wapc").
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(guestRequest), two, nil).Export("__guest_request").
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(guestResponse), two, nil).Export("__guest_response").
		Instantiate(ctx)
	return err
}

func guestRequest(ctx context.Context, guest api.Module, stack []uint64) {
	exchange := ctx.Value(exchangeKey{}).(*exchange)
	memory := guest.Memory()
	if !memory.Write(uint32(stack[0]), operation) || !memory.Write(uint32(stack[1]), exchange.message) {
		panic(errOutOfBounds)
	}
}

func guestResponse(ctx context.Context, guest api.Module, stack []uint64) {
	exchange := ctx.Value(exchangeKey{}).(*exchange)
	response, ok := guest.Memory().Read(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		panic(errOutOfBounds)
	}
	exchange.output.Write(response)
}
