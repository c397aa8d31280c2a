;; Reads the request to an address at which one byte does not fit into its memory: the call fails with a trap.
(module
  (import "wapc" "__guest_request" (func $guest_request (param i32 i32)))
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\22valid\22:true}")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    ;; Accepts its settings. Only `validate`, a name of 8 bytes, misbehaves.
    (if (i32.ne (local.get $operation) (i32.const 8)) (then
      (call $guest_response (i32.const 0) (i32.const 14))
      (return (i32.const 1))))
    (call $guest_request
      (i32.const 64)
      (i32.sub (i32.const 0x10001) (local.get $payload)))
    (i32.const 1)))
