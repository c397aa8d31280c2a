# Asks its host for http.send, which no host here has: to be refused when it is loaded.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": {"uid": input.request.uid, "allowed": allowed},
}

default allowed := true

allowed := false if {
	answer := http.send({"method": "GET", "url": "https://127.0.0.1/", "raise_error": false})
	answer.status_code != 200
}
