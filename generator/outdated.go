package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/lock"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// Outdated is a module of a build list that there is a newer version of, or that should not be used as it is.
type Outdated struct {
	Module     string `json:"module"`
	Current    string `json:"current"`
	Latest     string `json:"latest"` // "" when there is no newer one
	Retracted  string `json:"retracted,omitempty"`
	Deprecated string `json:"deprecated,omitempty"`
	Next       string `json:"next"` // what moves it
}

// Outdated asks the module proxy for newer versions of what the plan is built from. The core, what comes from directories and what is
// replaced are left out.
func (b *Builder) Outdated(ctx context.Context, p *plan.Plan) ([]Outdated, error) {
	g, err := b.GoTool(ctx, b.Environ)
	if err != nil {
		return nil, err
	}
	resolved, err := b.settle(ctx, g, p)
	if err != nil {
		return nil, err
	}
	list, err := p.FromLock(b.Core, resolved.Lock)
	if err != nil {
		return nil, err
	}
	args := []string{"list", "-m", "-u", "-json=Path,Version,Update,Retracted,Deprecated"}
	for _, m := range resolved.Lock.Modules {
		if m.To.Path == "" {
			args = append(args, m.Path)
		}
	}
	if len(args) == 4 {
		return nil, nil
	}
	w, err := b.Workspace(ctx, g, p, list.Files())
	if err != nil {
		return nil, err
	}
	defer w.Close()
	finish := b.Step("ask", fmt.Sprintf("for newer versions of %d modules", len(args)-4))
	out, err := w.Run(ctx, []string{"GOFLAGS=-mod=mod"}, args...)
	if err != nil {
		return nil, p.Blame(fault.StepResolve, err)
	}
	finish()
	var found []Outdated
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct {
			Path, Version, Deprecated string
			Update                    *struct{ Version string }
			Retracted                 []string
		}
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the go command's list: %w", err)
		}
		o := Outdated{Module: m.Path, Current: m.Version, Retracted: strings.Join(m.Retracted, "; "), Deprecated: m.Deprecated}
		if m.Update != nil {
			o.Latest = m.Update.Version
		}
		if o.Latest != "" || o.Retracted != "" || o.Deprecated != "" {
			o.Next = mover(p, resolved.Lock, o)
			found = append(found, o)
		}
	}
}

// mover says what moves a module to another version.
func mover(p *plan.Plan, l *lock.Lock, o Outdated) string {
	for _, w := range l.Wants {
		if w.From != o.Module {
			continue
		}
		for _, x := range p.Packages {
			if x.LockName() == w.Name && plan.Exact(x.Query) {
				if at := x.Pos.String(); x.Pos.Line > 0 {
					return at + " asks for " + x.Query
				}
				return "asked for is " + x.Query
			}
		}
		return "lock --update " + w.Name
	}
	if o.Latest == "" {
		return "another module needs it"
	}
	return "lock --update " + o.Module
}
