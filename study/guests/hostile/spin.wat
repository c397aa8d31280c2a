;; Loops forever.
(module
  (memory (export "memory") 1)
  (func (export "stdio") (loop $again (br $again))))
