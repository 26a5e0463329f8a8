package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/contract"
	"github.com/gliderlabs/logspout-builder/generator/lint"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/packed"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

// moduleTest is what the flags of test say.
type moduleTest struct {
	routes  []string
	env     []string
	network string
	with    []string
	race    bool
	verbose bool
}

func newTestCommand(p process) *cobra.Command {
	var t moduleTest
	cmd := &cobra.Command{
		Use:   "test [DIR|PACKAGE[@VERSION]] [--route URI]... [--env NAME=VALUE]... [--with MODULE]... [--race]",
		Short: "Run a module's tests, and hold what it registers against the contract of its kind",
		Long: "Run the tests in a module's directory with this builder's core, and the contract checks of core/moduletest for every extension that the package registers.\n" +
			"What the package's own tests check with moduletest is not checked again, unless --route gives another destination.",
		Example:               "  logspout-builder test\n  logspout-builder test ./gelf --route 'gelf://{address}?host=x'\n  logspout-builder test example.com/you/logspout-gelf@v1.2.0",
		Args:                  cobra.MaximumNArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			target := "."
			if len(args) > 0 {
				target = args[0]
			}
			return t.run(cmd.Context(), p, target)
		},
	}
	cmd.Flags().StringArrayVar(&t.routes, "route", nil, "route `URI` through the package's adapter or processor; {address} in it is a destination that takes everything")
	cmd.Flags().StringArrayVar(&t.env, "env", nil, "`NAME=VALUE` in the module's environment")
	cmd.Flags().StringVar(&t.network, "network", "tcp", "what a transport connects by: `NETWORK` tcp, udp, tls or unix")
	cmd.Flags().StringArrayVar(&t.with, "with", nil, "another `MODULE` that this one looks up by name, such as tcp")
	cmd.Flags().BoolVar(&t.race, "race", false, "run the module's own tests with the race detector (needs a C compiler)")
	cmd.Flags().BoolVarP(&t.verbose, "verbose", "v", false, "tell of the module's own tests that passed, too")
	_ = cmd.RegisterFlagCompletionFunc("with", completeModules) // the flag is there
	return cmd
}

func (t *moduleTest) run(ctx context.Context, p process, target string) error {
	vars := map[string]string{}
	for _, kv := range t.env {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" {
			return codedError{fmt.Errorf("--env %s: want NAME=VALUE", kv), exitUsage}
		}
		vars[name] = value
	}
	view := newProgressView(p, false)
	defer view.close()
	b, err := newBuilder(p, view.report)
	if err != nil {
		return err
	}
	checks := contract.Contract{Routes: t.routes, Network: t.network, Vars: vars}
	spec, ownFailed := target, false
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		_, moduleDir, err := packed.LocalPackage(target)
		if err != nil {
			return codedError{err, exitUsage}
		}
		if !strings.HasPrefix(target, ".") && !filepath.IsAbs(target) {
			spec = "." + string(filepath.Separator) + target
		}
		if checks.Skip, err = t.covered(target); err != nil {
			return err
		}
		if err := contract.TestModule(ctx, b, target, moduleDir, t.flags(), p.stdout, p.stderr); err != nil {
			if ctx.Err() != nil {
				return err
			}
			ownFailed = true
		}
	}
	planned, importPath, err := t.plan(ctx, p, b, spec)
	if err != nil {
		return err
	}
	checks.Package = importPath
	results := contractView{p: p}
	if err := contract.Check(ctx, b, planned, checks, results.tell); err != nil {
		return err
	}
	view.close()
	for _, point := range checks.Skip {
		_, _ = fmt.Fprintf(p.stderr, "%-9s %s: the package's own tests run the checks\n", "contract", point)
	}
	if results.checked > 0 {
		_, _ = fmt.Fprintf(p.stderr, "%-9s promises: %d kept, %d broken, %d not checked\n", "contract", results.checked-results.broken-results.skipped, results.broken, results.skipped)
	}
	switch {
	case results.broken > 0:
		return codedError{errors.New("the module breaks a promise of its kind"), exitFailure}
	case ownFailed:
		return codedError{errors.New("the module's own tests fail"), exitFailure}
	}
	return nil
}

// flags are those for the module's own tests.
func (t *moduleTest) flags() (flags []string) {
	if t.race {
		flags = append(flags, "-race")
	}
	if t.verbose {
		flags = append(flags, "-v")
	}
	return flags
}

// covered are the extension points that the package's own tests check well enough.
func (t *moduleTest) covered(dir string) ([]string, error) {
	if len(t.routes) > 0 {
		return nil, nil
	}
	return lint.Covered(dir, corePackage)
}

// plan is that of a binary with the module and those that it looks up.
func (t *moduleTest) plan(ctx context.Context, p process, b *generator.Builder, spec string) (planned *plan.Plan, importPath string, err error) {
	registry, err := loadRegistry(ctx, p)
	if err != nil {
		return nil, "", err
	}
	m := manifest.Default()
	m.Modules, m.Implied = nil, false
	var problems []error
	for i, with := range append([]string{spec}, t.with...) {
		full, err := withPath(with)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		flag := "--with " + with
		if i == 0 {
			flag, _, _ = strings.Cut(full, "=")
		}
		module, err := manifest.ParseModule(full, manifest.Pos{File: flag}, registry)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		m.Add(module)
		if i == 0 {
			if importPath = module.Package; importPath == "" {
				e, err := registry.Lookup(module.Name)
				if err != nil {
					return nil, "", codedError{err, exitUsage}
				}
				importPath = e.Package
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, "", codedError{err, exitUsage}
	}
	if planned, err = plan.New(m, registry, b.Core); err != nil {
		return nil, "", codedError{err, exitManifest}
	}
	return planned, importPath, nil
}

// contractView shows results as they come: an extension's name, then a line a promise.
type contractView struct {
	p                        process
	last                     plan.Extension
	checked, broken, skipped int
}

func (v *contractView) tell(r contract.Result) {
	if r.Extension != v.last {
		v.last = r.Extension
		_, _ = fmt.Fprintf(v.p.stdout, "%s %q\n", r.Extension.Point, r.Extension.Name)
	}
	v.checked++
	mark := "ok"
	switch r.Outcome {
	case "fail":
		mark = "FAIL"
		v.broken++
	case "skip":
		mark = "skip"
		v.skipped++
	}
	promise := r.Promise
	if promise == "" {
		promise = "it can be checked"
	}
	_, _ = fmt.Fprintf(v.p.stdout, "  %-4s  %s\n", mark, promise)
	if r.Outcome == "pass" {
		return
	}
	const most = 30
	for i, line := range r.Output {
		if i == most {
			_, _ = fmt.Fprintf(v.p.stdout, "          (%d lines more)\n", len(r.Output)-most)
			break
		}
		_, _ = fmt.Fprintf(v.p.stdout, "          %s\n", line)
	}
}
