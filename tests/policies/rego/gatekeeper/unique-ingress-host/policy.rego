# Gatekeeper, context aware: rejects an ingress whose host another ingress uses.
package policy

violation contains {"msg": msg} if {
	some rule in input.review.object.spec.rules
	some namespace, versions in data.inventory.namespace
	some name, other in versions["networking.k8s.io/v1"].Ingress
	[namespace, name] != [input.review.namespace, input.review.name]
	some taken in other.spec.rules
	taken.host == rule.host
	msg := sprintf("host %s is taken by ingress %s/%s", [rule.host, namespace, name])
}
