# Context aware: rejects objects in namespaces without a team, or with a team that is closed.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": response,
}

team := data.kubernetes.namespaces[input.request.namespace].metadata.labels.team

reason := concat("", ["namespace ", input.request.namespace, " has no label team"]) if not team

reason := concat("", ["team ", team, " is closed"]) if data.kubernetes.configmaps[input.request.namespace].team.data.state == "closed"

response := {"uid": input.request.uid, "allowed": true} if not reason

response := {"uid": input.request.uid, "allowed": false, "status": {"message": reason}} if reason
