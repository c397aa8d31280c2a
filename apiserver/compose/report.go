// Metrics and decisions of the planes below /debug/k8s-wasm, for users who are authorized for these
// paths.

package compose

import (
	"net/http"
	"strconv"

	"k8s-wasm/apiserver/engine"
)

// mux serves the non-resource paths of an API server, which authenticates and authorizes their
// requests.
type mux interface {
	HandleFunc(path string, handler func(http.ResponseWriter, *http.Request))
}

// report serves /debug/k8s-wasm/<plane>/metrics and /debug/k8s-wasm/<plane>/decisions.
func (p *planes) report(mux mux) {
	for plane, host := range p.hosts {
		folder := "/debug/k8s-wasm/" + plane
		mux.HandleFunc(folder+"/metrics", func(response http.ResponseWriter, _ *http.Request) {
			text, err := host.Metrics()
			write(response, engine.MetricsContentType, text, err)
		})
		mux.HandleFunc(folder+"/decisions", func(response http.ResponseWriter, request *http.Request) {
			// A missing or invalid number selects all decisions.
			after, _ := strconv.ParseUint(request.URL.Query().Get("after"), 10, 64)
			list, err := host.Decisions(after)
			write(response, "application/json", list, err)
		})
	}
}

func write(response http.ResponseWriter, contentType string, body []byte, err error) {
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	response.Header().Set("Content-Type", contentType)
	// An error here means that the client has disconnected.
	_, _ = response.Write(body)
}
