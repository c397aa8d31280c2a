;; Calls the host forever in `wapc_init`: every call fails at its deadline or at the limit of host calls.
(module
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 32) "kubewarden")
  (data (i32.const 48) "tracing")
  (data (i32.const 56) "log")
  (data (i32.const 64) "{\22level\22:\22info\22,\22message\22:\22a line\22}")
  (func (export "wapc_init")
    (loop $again
      (drop (call $host_call
        (i32.const 32) (i32.const 10)
        (i32.const 48) (i32.const 7)
        (i32.const 56) (i32.const 3)
        (i32.const 64) (i32.const 35)))
      (br $again)))
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (i32.const 1)))
