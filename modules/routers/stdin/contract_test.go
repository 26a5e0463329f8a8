package stdin

import (
	"strings"
	"testing"

	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func TestContract(t *testing.T) {
	moduletest.TestLogRouter(t, moduletest.LogRouterSuite{Ends: true, Source: func(tb testing.TB) moduletest.Source {
		tb.Helper()
		env := moduletest.NewEnv(tb, nil)
		env.Stdin = strings.NewReader("one\ntwo\n\nlast")
		return moduletest.Source{Router: New(), Env: env, Want: map[string][]string{"stdin/stdin": {"one", "two", "", "last"}}}
	}})
}
