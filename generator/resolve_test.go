package generator

import (
	"reflect"
	"testing"

	"github.com/gliderlabs/logspout-builder/generator/buildlist"
	"github.com/gliderlabs/logspout-builder/generator/plan"
)

func TestRaisedVersionsOfBundledNeedsAreTold(t *testing.T) {
	goMod := func(requirements string) *buildlist.List {
		return &buildlist.List{GoMod: []byte("module logspout\n\ngo 1.26.0\n\nrequire (\n" + requirements + ")\n")}
	}
	start := goMod("example.com/a v1.0.0\nexample.com/b v1.0.0\n")
	now, err := goMod("example.com/a v1.0.0\nexample.com/b v1.2.0\nexample.com/c v1.0.0\n").Versions()
	if err != nil {
		t.Fatal(err)
	}
	var told []Progress
	b := &Builder{Report: func(p Progress) { told = append(told, p) }}
	b.reportRaised(start, now)
	want := []Progress{{Step: "raised", Detail: "example.com/b to v1.2.0: bundled modules were tested with v1.0.0", Done: true}}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("told %+v", told)
	}
}

func TestOnlyVersionsThatNeverChangeAreKept(t *testing.T) {
	for query, want := range map[string]bool{
		"v1.2.3": true, "v1.2.3-rc.1": true, "v0.0.0-20260101000000-0123456789ab": true, "v2.0.0+incompatible": true,
		"latest": false, "": false, "main": false, "v1": false, "v1.2": false, "0123456789ab": false, "v1.2.3+meta": false, "upgrade": false,
	} {
		if got := plan.Exact(query); got != want {
			t.Errorf("%q is exact: %v", query, got)
		}
	}
}
