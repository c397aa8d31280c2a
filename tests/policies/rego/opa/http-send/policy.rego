# Requires http.send, which this host does not have: rejected when it is loaded.
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
