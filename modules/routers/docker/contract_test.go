package docker_test

import (
	"testing"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
	"github.com/gliderlabs/logspout-builder/modules/routers/docker"
)

func TestContract(t *testing.T) {
	moduletest.TestLogRouter(t, moduletest.LogRouterSuite{Source: func(tb testing.TB) moduletest.Source {
		tb.Helper()
		f := newFakeEngine(tb)
		c := &fakeContainer{running: true, listed: true, records: records(-20, -1)}
		for i := range c.records[:10] {
			c.records[i].stream = 2
		}
		f.containers["a"] = c
		return moduletest.Source{
			Router: docker.New(),
			Env:    moduletest.NewEnv(tb, f.vars(core.Vars{"BACKLOG": "true"})),
			Want:   map[string][]string{"name-a/stderr": numbered("", -20, -11), "name-a/stdout": numbered("", -10, -1)},
			Again: func() (core.LogRouter, string) {
				f.write(c, records(0, 0)...)
				return docker.New(), "0"
			},
		}
	}})
}
