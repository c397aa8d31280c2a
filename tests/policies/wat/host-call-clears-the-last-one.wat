;; Looks up `localhost`, makes a refused call, then logs: each call clears the outcome of the previous one, and the policy accepts.
(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\22valid\22:true}")
  (data (i32.const 64) "{\22accepted\22:true}")
  (data (i32.const 96) "kubewarden")
  (data (i32.const 112) "net")
  (data (i32.const 128) "v1/dns_lookup_host")
  (data (i32.const 160) "\22localhost\22")
  (data (i32.const 192) "tracing")
  (data (i32.const 200) "log")
  (data (i32.const 208) "{\22level\22:\22info\22,\22message\22:\22a line\22}")
  (data (i32.const 256) "{\22accepted\22:false,\22message\22:\22the host did not look up localhost\22}")
  (data (i32.const 384) "{\22accepted\22:false,\22message\22:\22a refused call left the response in place\22}")
  (data (i32.const 512) "{\22accepted\22:false,\22message\22:\22an answered call left the error in place\22}")
  (func $lookup
    (drop (call $host_call
      (i32.const 96) (i32.const 10)
      (i32.const 112) (i32.const 3)
      (i32.const 128) (i32.const 18)
      (i32.const 160) (i32.const 11))))
  (func $refused
    (drop (call $host_call
      (i32.const 192) (i32.const 7)
      (i32.const 192) (i32.const 7)
      (i32.const 192) (i32.const 7)
      (i32.const 0) (i32.const 0))))
  (func $log
    (drop (call $host_call
      (i32.const 96) (i32.const 10)
      (i32.const 192) (i32.const 7)
      (i32.const 200) (i32.const 3)
      (i32.const 208) (i32.const 35))))
  (func $respond (param $text i32) (param $length i32) (result i32)
    (call $guest_response (local.get $text) (local.get $length))
    (i32.const 1))
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    ;; Accepts its settings. Only `validate`, a name of 8 bytes, misbehaves.
    (if (i32.ne (local.get $operation) (i32.const 8)) (then
      (call $guest_response (i32.const 0) (i32.const 14))
      (return (i32.const 1))))
    ;; The first call has a response.
    (call $lookup)
    (if (i32.eqz (call $host_response_len)) (then
      (return (call $respond (i32.const 256) (i32.const 65)))))
    ;; An error replaces it.
    (call $refused)
    (if (i32.or (call $host_response_len) (i32.eqz (call $host_error_len))) (then
      (return (call $respond (i32.const 384) (i32.const 72)))))
    ;; An empty response replaces the error.
    (call $log)
    (if (i32.or (call $host_response_len) (call $host_error_len)) (then
      (return (call $respond (i32.const 512) (i32.const 71)))))
    (call $respond (i32.const 64) (i32.const 17))))
