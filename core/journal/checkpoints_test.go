package journal

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckpointsSurviveTheFileWhateverTheyHold(t *testing.T) {
	dir := t.TempDir()
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.Just("base64:"), rapid.Just("base64:AA=="))
	rapid.Check(t, func(t *rapid.T) {
		want := Checkpoints(rapid.MapOf(text, rapid.MapOf(text, text)).Draw(t, "checkpoints"))
		path := filepath.Join(dir, "checkpoints.json")
		if err := SaveCheckpoints(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := LoadCheckpoints(path)
		if err != nil || !maps.EqualFunc(got, want, maps.Equal[map[string]string, map[string]string]) {
			t.Fatalf("loaded %q, %v, want %q", got, err, want)
		}
	})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("directory holds %v, want the one file: %v", entries, err)
	}
}

func TestNoFileMeansNoCheckpoints(t *testing.T) {
	c, err := LoadCheckpoints(filepath.Join(t.TempDir(), "checkpoints.json"))
	if err != nil || c == nil || len(c) != 0 {
		t.Errorf("LoadCheckpoints = %v, %v, want an empty map", c, err)
	}
}

func TestFileThatIsNotUnderstoodSaysWhatToDo(t *testing.T) {
	for name, row := range map[string]struct{ text, says string }{
		"empty":       {"", "damaged"},
		"cut":         {`{"version":1,"intakes":{"docker":{"a":`, "damaged"},
		"zeros":       {strings.Repeat("\x00", 4096), "damaged"},
		"other types": {`{"version":1,"intakes":{"docker":[1]}}`, "damaged"},
		"bad armour":  {`{"version":1,"intakes":{"docker":{"a":"base64:???"}}}`, "damaged"},
		"foreign":     {`{"name":"x"}`, "not a file of checkpoints"},
		"list":        {`[]`, "damaged"},
		"newer":       {`{"version":2,"intakes":[]}`, "has version 2, this binary knows version 1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoints.json")
			if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := LoadCheckpoints(path)
			if err == nil {
				t.Fatalf("loaded %v", c)
			}
			for _, says := range []string{row.says, path, "move the file away"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("error does not say %q: %v", says, err)
				}
			}
		})
	}
}

func TestFailedSaveLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints.json")
	want := Checkpoints{"docker": {"a": "1"}}
	if err := SaveCheckpoints(path, want); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path+".tmp", 0o700); err != nil { // nothing can be written there now
		t.Fatal(err)
	}
	if err := SaveCheckpoints(path, Checkpoints{"docker": {"a": "2"}}); err == nil {
		t.Error("SaveCheckpoints reports no error")
	}
	if got, err := LoadCheckpoints(path); err != nil || got["docker"]["a"] != "1" {
		t.Errorf("loaded %v, %v", got, err)
	}
	if err := SaveCheckpoints(filepath.Join(t.TempDir(), "none", "x"), want); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SaveCheckpoints into no directory = %v", err)
	}
}
