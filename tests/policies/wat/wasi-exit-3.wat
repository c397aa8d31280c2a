;; Mode wasi: writes an accepting response, writes `gave up` to stderr and exits with code 3: the call fails with that text.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  ;; Two texts as address and length, and the address for the number of bytes written.
  (data (i32.const 0) "\20\00\00\00\1e\00\00\00")
  (data (i32.const 8) "\40\00\00\00\08\00\00\00")
  (data (i32.const 32) "{\22accepted\22:true,\22valid\22:true}")
  (data (i32.const 64) "gave up\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (drop (call $fd_write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 16)))
    (call $proc_exit (i32.const 3))))
