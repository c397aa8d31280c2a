# Rejects pods with images that are older than the settings allow, or whose support has ended.
# Requires sprintf, regex.split, semver, dates and the time from the host.
package policy

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": response,
}

response := {"uid": input.request.uid, "allowed": true} if count(reasons) == 0

response := {"uid": input.request.uid, "allowed": false, "status": {"message": concat("; ", sort(reasons))}} if {
	count(reasons) > 0
}

reasons contains reason if {
	some container in input.request.object.spec.containers
	parts := regex.split(`[:@]`, container.image)
	version := parts[1]
	semver.is_valid(version)
	semver.compare(version, data.minimum) < 0
	reason := sprintf("%s: version %v of %q is older than %s (%d part%s)", [
		container.name, version, parts[0], data.minimum, count(parts), "s",
	])
}

reasons contains reason if {
	some container in input.request.object.spec.containers
	parts := regex.split(`[:@]`, container.image)
	not has_version(parts)
	reason := sprintf("%-6s| has no version: %v", [container.name, parts])
}

reasons contains reason if {
	end := time.parse_rfc3339_ns(input.request.object.metadata.annotations["support-ends"])
	end < time.now_ns()
	[year, month, day] := time.date(end)
	reason := sprintf("support ended on %04d-%02d-%02d", [year, month, day])
}

has_version(parts) if semver.is_valid(parts[1])
