# Gatekeeper: requires the labels in the parameters, with values that match their patterns.
package policy

violation contains {"msg": msg, "details": {"missing": missing}} if {
	missing := {label.key | some label in input.parameters.labels} - provided
	count(missing) > 0
	msg := sprintf("%s lacks the labels %v", [input.review.kind.kind, concat(", ", sort(missing))])
}

violation contains {"msg": msg} if {
	some label in input.parameters.labels
	value := input.review.object.metadata.labels[label.key]
	not regex.match(label.allowedRegex, value)
	msg := sprintf("label %s is %q, which does not match %s", [label.key, value, label.allowedRegex])
}

provided := object.keys(object.get(input.review.object, ["metadata", "labels"], {}))
