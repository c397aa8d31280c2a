# Hostile: takes memory proportional to the square of the number in the request.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": {"uid": input.request.uid, "allowed": count(hoard) > 0},
}

hoard := [[one, other] |
	some one in numbers.range(1, input.request.object.rounds)
	some other in numbers.range(1, input.request.object.rounds)
]
