package gotool

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestPlatformsAreWhatTheGoCommandBuildsFor(t *testing.T) {
	g, err := Find(t.Context(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Run(t.Context(), "", nil, "tool", "dist", "list")
	if err != nil {
		t.Fatal(err)
	}
	list := slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool {
		return strings.HasPrefix(p, "android/") || strings.HasPrefix(p, "ios/") || strings.HasSuffix(p, "/wasm")
	})
	if !slices.Equal(list, platforms) {
		t.Errorf("the go command builds for\n%q\nthe builder for\n%q", list, platforms)
	}
}

func TestPlatformsAreReadAsImagesHaveThem(t *testing.T) {
	for _, row := range []struct{ text, want, env string }{
		{"linux/amd64", "linux/amd64", "GOAMD64=v1"},
		{"linux/amd64/v1", "linux/amd64", "GOAMD64=v1"},
		{"linux/amd64/v3", "linux/amd64/v3", "GOAMD64=v3"},
		{"linux/arm", "linux/arm", "GOARM=7"},
		{"linux/arm/v7", "linux/arm/v7", "GOARM=7"},
		{"linux/arm/v6", "linux/arm/v6", "GOARM=6"},
		{"linux/arm64/v8", "linux/arm64", "GOARM64=v8.0"},
		{"linux/arm64/v9", "linux/arm64/v9", "GOARM64=v9.0"},
		{"windows/386/softfloat", "windows/386/softfloat", "GO386=softfloat"},
		{"linux/s390x", "linux/s390x", "GOARCH=s390x"},
	} {
		p, err := ParsePlatform(row.text)
		if err != nil {
			t.Error(err)
			continue
		}
		// What the environment said of variants does not count.
		env := p.Environ([]string{"GOAMD64=v4", "GOARM=5", "GOARM64=v9.5", "GO386=sse2", "GOARCH=mips"})
		name, value, _ := strings.Cut(row.env, "=")
		if got, _ := lookup(env, name); p.String() != row.want || got != value {
			t.Errorf("%s is read as %s with %s=%s, want %s with %s", row.text, p, name, got, row.want, row.env)
		}
	}
	for text, want := range map[string]string{
		"linux":             "want OS/ARCH or OS/ARCH/VARIANT",
		"linux//v7":         "want OS/ARCH or OS/ARCH/VARIANT",
		"linux/arm/v7/x":    "want OS/ARCH or OS/ARCH/VARIANT",
		"linux/amd46":       `did you mean "linux/amd64"?`,
		"linux/x86_64":      "there are no static Go binaries for it",
		"linux/arm/v9":      "arm has the variants 7, 6, 5",
		"linux/s390x/v1":    "s390x has no variants",
		"linux/amd64;rm/v1": "there are no static Go binaries for it",
	} {
		if _, err := ParsePlatform(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", text, err, want)
		}
	}
}
