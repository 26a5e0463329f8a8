package moduletest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

func handlerSuite(h http.HandlerFunc) HTTPHandlerSuite {
	return HTTPHandlerSuite{
		Handler: func(core.Env) (http.Handler, error) { return h, nil },
		Name:    "hello",
		Paths:   []string{"", "/world"},
	}
}

func TestHTTPHandlerContractHoldsForAGoodHandler(t *testing.T) {
	TestHTTPHandler(t, handlerSuite(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hello" && r.URL.Path != "/hello/world" {
			http.NotFound(w, r)
			return
		}
		<-r.Context().Done() // as a live stream does
	}))
}

func TestHTTPHandlerContractFindsWhatIsWrong(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	testBreaches(t, []breach[HTTPHandlerSuite]{
		{"it answers at its paths", handlerSuite(http.NotFound), "status 404"},
		{"whatever is asked, it neither panics nor fails", handlerSuite(func(_ http.ResponseWriter, r *http.Request) {
			_ = strings.Split(r.URL.Path, "/")[2]
		}), "panics"},
		{"whatever is asked, it neither panics nor fails", handlerSuite(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}), "status 500"},
		{"a request ends when its client is gone", handlerSuite(func(http.ResponseWriter, *http.Request) { <-release }), "does not return"},
	})
}
