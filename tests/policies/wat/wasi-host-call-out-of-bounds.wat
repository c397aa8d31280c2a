;; Mode wasi: calls the host with names outside of its memory: the call fails with a trap, and the host does nothing.
(module
  (import "host" "call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $host_call
      (i32.const 0x20000) (i32.const 10)
      (i32.const 0x20000) (i32.const 7)
      (i32.const 0x20000) (i32.const 3)
      (i32.const 1) (i32.const -1)))))
