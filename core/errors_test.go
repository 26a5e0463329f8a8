package core_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestPermanentMarksAnErrorAndWhatWrapsIt(t *testing.T) {
	cause := errors.New("message too large")
	err := fmt.Errorf("send: %w", core.Permanent(cause))
	if !core.IsPermanent(err) || !errors.Is(err, cause) || err.Error() != "send: message too large" {
		t.Errorf("%v", err)
	}
	if core.IsPermanent(cause) || core.IsPermanent(nil) || core.Permanent(nil) != nil {
		t.Error("what nobody marked is permanent")
	}
}

func TestPartialErrorTellsCountsAndCause(t *testing.T) {
	cause := errors.New("429")
	err := fmt.Errorf("bulk: %w", &core.PartialError{Retry: []int{1, 2}, Rejected: []int{0}, Err: cause})
	if !errors.Is(err, cause) || err.Error() != "bulk: 2 to retry, 1 rejected: 429" {
		t.Errorf("%v", err)
	}
}

func TestEndpointIsTheAddressOrElseThePath(t *testing.T) {
	for uri, want := range map[string]string{"raw://h:1/x": "h:1", "raw+unix:///run/log": "/run/log", "raw://": ""} {
		r, err := core.ParseRoute(uri)
		if err != nil || r.Endpoint() != want {
			t.Errorf("%s: %q %v", uri, r.Endpoint(), err)
		}
	}
}

func TestOptionThatIsEmptyIsTheDefault(t *testing.T) {
	r := core.Route{Options: map[string]string{"a": "1", "b": ""}}
	if r.Option("a", "d") != "1" || r.Option("b", "d") != "d" || r.Option("c", "d") != "d" {
		t.Errorf("%v", r)
	}
}
