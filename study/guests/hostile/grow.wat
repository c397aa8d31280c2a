;; Grows its memory until that fails; succeeds if it got at most 64 MiB.
(module
  (memory (export "memory") 1)
  (func (export "stdio")
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    ;; Traps if it got more.
    (if (i32.gt_u (memory.size) (i32.const 1024)) (then unreachable))))
