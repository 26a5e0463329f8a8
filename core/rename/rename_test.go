package rename

import (
	"go/build"
	"testing"
)

func TestOnlyTheNamedPackageIsRenamed(t *testing.T) {
	Set("example.com/a", "kafka", "kafka2")
	for _, row := range [][3]string{
		{"example.com/a", "kafka", "kafka2"},
		{"example.com/b", "kafka", "kafka"},
		{"example.com/a", "other", "other"},
	} {
		if got := Name(row[0], row[1]); got != row[2] {
			t.Errorf("%s of %s is %s, want %s", row[1], row[0], got, row[2])
		}
		if got := Original(row[0], row[2]); got != row[1] {
			t.Errorf("%s of %s was %s, want %s", row[2], row[0], got, row[1])
		}
	}
}

// What the package says of the order of initialisation holds only as long as it imports nothing.
func TestItImportsNothing(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Imports) > 0 {
		t.Errorf("it imports %s", p.Imports)
	}
}
