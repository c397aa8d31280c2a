// Package ways exports a program in every way that a module can be asked: raw memory, standard input and output, waPC.
package ways

import (
	"io"
	"os"
	"unsafe"
)

// Answer is the program: bytes in, bytes out. Set by an init function, which runs before any call.
var Answer func(input []byte) []byte

// Kept until the next call, so that the collector leaves them where they are.
var (
	room   []byte
	answer []byte
)

// alloc makes room for an input.
//
//go:wasmexport alloc
func alloc(length uint32) uint32 {
	if uint32(cap(room)) < length {
		room = make([]byte, length)
	}
	room = room[:length]
	return address(room)
}

// raw answers the input that was written to alloc's room; address and length in one number.
//
//go:wasmexport raw
func raw(_, length uint32) uint64 {
	answer = Answer(room[:length])
	return uint64(address(answer))<<32 | uint64(len(answer))
}

//go:wasmexport stdio
func stdio() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	if _, err := os.Stdout.Write(Answer(input)); err != nil {
		panic(err)
	}
}

//go:wasmimport wapc __guest_request
func guestRequest(operation, input unsafe.Pointer)

//go:wasmimport wapc __guest_response
func guestResponse(answer unsafe.Pointer, length uint32)

// guestCall answers whatever operation it is: a program has only one. 1 is success.
//
//go:wasmexport __guest_call
func guestCall(operation, length uint32) int32 {
	// One byte more than asked for, so that there is a first one to point at.
	name, input := make([]byte, operation+1), make([]byte, length+1)
	guestRequest(unsafe.Pointer(&name[0]), unsafe.Pointer(&input[0]))
	answer = Answer(input[:length])
	guestResponse(unsafe.Pointer(unsafe.SliceData(answer)), uint32(len(answer)))
	return 1
}

func address(bytes []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
}
