;; Returns 0 after an accepting response: the call fails, and the response is ignored.
(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\22valid\22:true}")
  (data (i32.const 32) "{\22accepted\22:true}")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    ;; Accepts its settings. Only `validate`, a name of 8 bytes, misbehaves.
    (if (i32.ne (local.get $operation) (i32.const 8)) (then
      (call $guest_response (i32.const 0) (i32.const 14))
      (return (i32.const 1))))
    (call $guest_response (i32.const 32) (i32.const 17))
    (i32.const 0)))
