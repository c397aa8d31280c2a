// Package conventions exports a program with all calling conventions: raw memory, standard input and output, waPC.
package conventions

import (
	"io"
	"os"
	"unsafe"
)

// Program is the function of the guest. An init function sets it, which runs before any call.
var Program func(input []byte) []byte

// room and response live until the next call, so that the garbage collector does not free them.
var (
	room     []byte
	response []byte
)

// alloc allocates room for an input.
//
//go:wasmexport alloc
func alloc(length uint32) uint32 {
	if uint32(cap(room)) < length {
		room = make([]byte, length)
	}
	room = room[:length]
	return address(room)
}

// raw runs the program on the input in the room. It returns address and length of the response in one number.
//
//go:wasmexport raw
func raw(_, length uint32) uint64 {
	response = Program(room[:length])
	return uint64(address(response))<<32 | uint64(len(response))
}

//go:wasmexport stdio
func stdio() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	if _, err := os.Stdout.Write(Program(input)); err != nil {
		panic(err)
	}
}

//go:wasmimport wapc __guest_request
func guestRequest(operation, input unsafe.Pointer)

//go:wasmimport wapc __guest_response
func guestResponse(response unsafe.Pointer, length uint32)

// guestCall runs the program on the message of waPC. It ignores the operation, and returns 1 for success.
//
//go:wasmexport __guest_call
func guestCall(operation, length uint32) int32 {
	// One byte more than required, so that a pointer to the first byte exists.
	name, input := make([]byte, operation+1), make([]byte, length+1)
	guestRequest(unsafe.Pointer(&name[0]), unsafe.Pointer(&input[0]))
	response = Program(input[:length])
	guestResponse(unsafe.Pointer(unsafe.SliceData(response)), uint32(len(response)))
	return 1
}

func address(bytes []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
}
