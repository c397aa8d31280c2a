;; Traps in `_start`: every call fails with a trap, although `__guest_call` would accept.
(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 32) "{\22accepted\22:true,\22valid\22:true}")
  (func (export "_start") (unreachable))
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (call $guest_response (i32.const 32) (i32.const 30))
    (i32.const 1)))
