;; Responds with the order in which its functions ran: accepted with the message `start, init, call`.
(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "start, init, call\22}")
  (data (i32.const 64) "{\22accepted\22:true,\22valid\22:true,\22message\22:\22")
  (global $end (mut i32) (i32.const 105))
  ;; Appends a word to the message.
  (func $append (param $word i32) (param $length i32)
    (memory.copy (global.get $end) (local.get $word) (local.get $length))
    (global.set $end (i32.add (global.get $end) (local.get $length))))
  (func (export "_start") (call $append (i32.const 0) (i32.const 7)))
  (func (export "wapc_init") (call $append (i32.const 7) (i32.const 6)))
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    ;; The word and the end of the response.
    (call $append (i32.const 13) (i32.const 6))
    (call $guest_response (i32.const 64) (i32.sub (global.get $end) (i32.const 64)))
    (i32.const 1)))
