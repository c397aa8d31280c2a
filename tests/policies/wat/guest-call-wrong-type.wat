;; Exports `__guest_call` with another type: rejected when it is loaded.
(module
  (memory (export "memory") 1)
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i64)
    (i64.const 1)))
