// Package upstream checks the functions of Kubernetes that this module depends on.
//
// k8s.io/kubernetes does not guarantee its Go API. A changed signature is a compile error.
// functions.txt lists the functions whose behaviour also matters, because we call them, reproduce
// them step by step, or replace them. The test of this package fails when a release of Kubernetes
// changes one.
package upstream
