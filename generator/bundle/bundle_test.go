package bundle

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBundleIsReadAsWrittenAndTheSameEachTime(t *testing.T) {
	files := map[string][]byte{"bundle.json": []byte("{}"), "proxy/example.com/!x/@v/list": {}, "project/" + strings.Repeat("long/", 60) + "main.go": []byte("x")}
	var one, two bytes.Buffer
	if err := Write(&one, files); err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(one.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files, got); d != "" {
		t.Error(d)
	}
	if err := Write(&two, got); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Errorf("written again it differs (%v)", err)
	}
	if _, err := Read(bytes.NewReader(one.Bytes()[:one.Len()-2048])); err == nil {
		t.Error("half of a bundle is taken")
	}
}

func TestWhatIsNoBundleIsRefused(t *testing.T) {
	for name, header := range map[string]tar.Header{
		"path up":   {Name: "../x", Typeflag: tar.TypeReg},
		"absolute":  {Name: "/x", Typeflag: tar.TypeReg},
		"link":      {Name: "x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		"device":    {Name: "x", Typeflag: tar.TypeChar},
		"directory": {Name: "x/", Typeflag: tar.TypeDir},
		"dots":      {Name: "a/../../x", Typeflag: tar.TypeReg},
		"too large": {Name: "x", Typeflag: tar.TypeReg, Size: maxBytes + 1},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(bytes.NewReader(b.Bytes())); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, text := range []string{"", "hello", strings.Repeat("x", 4096)} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%.10q is taken", text)
		}
	}
}
