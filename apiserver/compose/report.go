// What the planes tell of themselves, below /debug/k8s-wasm: for whoever may get these paths.

package compose

import (
	"net/http"
	"strconv"

	"k8s-wasm/apiserver/engine"
)

// mux is where an API server has its paths that are no resources. It authenticates and authorizes before.
type mux interface {
	HandleFunc(path string, handler func(http.ResponseWriter, *http.Request))
}

// report answers /debug/k8s-wasm/<plane>/metrics and /debug/k8s-wasm/<plane>/decisions.
func (p *planes) report(mux mux) {
	for plane, host := range p.hosts {
		folder := "/debug/k8s-wasm/" + plane
		mux.HandleFunc(folder+"/metrics", func(response http.ResponseWriter, _ *http.Request) {
			text, err := host.Metrics()
			write(response, engine.MetricsContentType, text, err)
		})
		mux.HandleFunc(folder+"/decisions", func(response http.ResponseWriter, request *http.Request) {
			// Without a number, or with one that cannot be read, all are wanted.
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
	// The client has left if this fails.
	_, _ = response.Write(body)
}
