# Hostile: takes time proportional to the cube of the number in the request, and little memory.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": {"uid": input.request.uid, "allowed": found},
}

default found := true

found := false if {
	table := {text: text |
		some number in numbers.range(1, input.request.object.rounds)
		text := format_int(number, 10)
	}
	some _ in table
	some _ in table
	some last in table
	last == "never"
}
