package generator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// errNoVersion is what explain says of a module whose version is not there.
const errNoVersion = "there is no such"

// withVersions adds to an error about a version that cannot be found which ones there are, where the module tells.
func withVersions(ctx context.Context, w *Workspace, p *plan.Plan, err error) error {
	problems := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		problems = joined.Unwrap()
	}
	for _, problem := range problems {
		var e *fault.Error
		if !errors.As(problem, &e) || !strings.HasPrefix(e.Err.Error(), errNoVersion) {
			continue
		}
		x := p.Holder(e.Package)
		if x == nil || x.Query == "" || x.Query == "latest" {
			continue
		}
		out, err := w.Run(ctx, []string{"GOFLAGS=-mod=mod"}, "list", "-m", "-versions", x.Path)
		versions := strings.Fields(string(out))
		if err != nil || len(versions) < 2 {
			continue
		}
		const most = 8
		versions = versions[1:]
		if more := len(versions) - most; more > 0 {
			versions = append([]string{fmt.Sprintf("%d older", more)}, versions[more:]...)
		}
		_, words, _ := strings.Cut(e.Err.Error(), "\n")
		e.Err = fmt.Errorf("there is no %s of it (there is: %s)\n%s", x.Query, strings.Join(versions, ", "), words)
		e.Hint = cmp.Or(x.MajorHint(), "name one of those, a branch or a commit, or leave the version out for the latest")
	}
	return err
}
