;; Fails with a text of 64 MiB: the call fails, and the host keeps at most the beginning of the text.
(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (import "wapc" "__guest_error" (func $guest_error (param i32 i32)))
  (memory (export "memory") 1024)
  (data (i32.const 0) "{\22valid\22:true}")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    ;; Accepts its settings. Only `validate`, a name of 8 bytes, misbehaves.
    (if (i32.ne (local.get $operation) (i32.const 8)) (then
      (call $guest_response (i32.const 0) (i32.const 14))
      (return (i32.const 1))))
    (call $guest_error (i32.const 0) (i32.const 0x4000000))
    (i32.const 0)))
