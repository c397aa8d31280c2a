;; Takes memory until it gets no more: ends well when that was at most 64 MiB.
(module
  (memory (export "memory") 1)
  (func (export "stdio")
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    ;; Traps when it got more.
    (if (i32.gt_u (memory.size) (i32.const 1024)) (then unreachable))))
