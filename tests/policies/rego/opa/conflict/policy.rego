# Hostile: has two conflicting values if both names are given, upon which OPA aborts.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": {"uid": input.request.uid, "allowed": allowed},
}

default allowed := false

allowed := input.request.object.one

allowed := input.request.object.other
