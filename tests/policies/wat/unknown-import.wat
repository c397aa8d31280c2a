;; Imports a function that waPC hosts do not have: rejected when it is loaded, with the name of the import.
(module
  (import "wapc" "__host_shutdown" (func (param i32)))
  (memory (export "memory") 1)
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (i32.const 1)))
