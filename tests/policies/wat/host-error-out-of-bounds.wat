;; Reads the error of a refused call to an address outside of its memory: the call fails with a trap.
(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\22valid\22:true}")
  (data (i32.const 32) "unknown")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    ;; Accepts its settings. Only `validate`, a name of 8 bytes, misbehaves.
    (if (i32.ne (local.get $operation) (i32.const 8)) (then
      (call $guest_response (i32.const 0) (i32.const 14))
      (return (i32.const 1))))
    (drop (call $host_call
      (i32.const 32) (i32.const 7)
      (i32.const 32) (i32.const 7)
      (i32.const 32) (i32.const 7)
      (i32.const 0) (i32.const 0)))
    (call $host_error (i32.const 0xffff0000))
    (i32.const 1)))
