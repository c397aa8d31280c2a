# Rejects pods with a privileged container, except in namespaces that the settings exempt.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": response,
}

response := {"uid": input.request.uid, "allowed": true} if count(reasons) == 0

response := {
	"uid": input.request.uid,
	"allowed": false,
	"status": {"message": concat("; ", sort(reasons)), "code": 403},
} if {
	count(reasons) > 0
}

reasons contains reason if {
	not exempt
	some container in containers
	container.securityContext.privileged == true
	reason := concat("", ["container ", container.name, " is privileged"])
}

exempt if input.request.namespace in data.exempt_namespaces

containers contains container if some container in input.request.object.spec.containers

containers contains container if some container in input.request.object.spec.initContainers
