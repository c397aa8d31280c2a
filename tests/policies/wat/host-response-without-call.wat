;; Reads a response and an error before any call: both are empty, nothing is written, and the policy accepts.
(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\22valid\22:true}")
  (data (i32.const 32) "{\22accepted\22:true}")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    ;; Accepts its settings. Only `validate`, a name of 8 bytes, misbehaves.
    (if (i32.ne (local.get $operation) (i32.const 8)) (then
      (call $guest_response (i32.const 0) (i32.const 14))
      (return (i32.const 1))))
     (call $host_response (i32.const 32))
     (call $host_error (i32.const 32))
     (if (i32.or (call $host_response_len) (call $host_error_len)) (then (unreachable)))
     (call $guest_response (i32.const 32) (i32.const 17))
    (i32.const 1)))
