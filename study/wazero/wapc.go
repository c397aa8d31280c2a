package main

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// operation is what is called; the programs of the study have only one.
var operation = []byte("answer")

var errOutside = errors.New("an address outside of the memory")

// instantiateWapc gives guests the functions of waPC that those of the study import.
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
		panic(errOutside)
	}
}

func guestResponse(ctx context.Context, guest api.Module, stack []uint64) {
	exchange := ctx.Value(exchangeKey{}).(*exchange)
	answer, ok := guest.Memory().Read(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		panic(errOutside)
	}
	exchange.output.Write(answer)
}
