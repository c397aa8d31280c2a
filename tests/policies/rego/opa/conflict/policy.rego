# Hostile: has two answers when both names are given, which OPA ends with an abort.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": {"uid": input.request.uid, "allowed": allowed},
}

default allowed := false

allowed := input.request.object.one

allowed := input.request.object.other
