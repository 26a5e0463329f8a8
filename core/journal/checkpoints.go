package journal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"
)

// checkpointsVersion is the version of the file's form.
const checkpointsVersion = 1

// checkpointsFile is the form of the file.
type checkpointsFile struct {
	Version int         `json:"version"`
	Intakes Checkpoints `json:"intakes"`
}

// SaveCheckpoints writes c to a file, atomically and durably: after a crash at any moment the file is the old one or the new one.
// One caller at a time for a path; path+".tmp" is its own too.
func SaveCheckpoints(path string, c Checkpoints) error {
	text, err := json.MarshalIndent(checkpointsFile{checkpointsVersion, c.mapStrings(armour)}, "", " ")
	if err != nil {
		return fmt.Errorf("encode checkpoints: %w", err)
	}
	if err := replaceFile(path, append(text, '\n')); err != nil {
		return fmt.Errorf("save checkpoints: %w", err)
	}
	return nil
}

// LoadCheckpoints reads what SaveCheckpoints wrote; where there is no file there are no checkpoints. The error about a file that it
// does not understand says what to do.
func LoadCheckpoints(path string) (Checkpoints, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoints{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load checkpoints: %w", err)
	}
	refuse := func(format string, args ...any) (Checkpoints, error) {
		return nil, fmt.Errorf("load checkpoints: %s: %w; put back a good copy, or move the file away to start without checkpoints"+
			" (containers are then read as if seen for the first time: lines may be missing or come twice)", path, fmt.Errorf(format, args...))
	}
	var version struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return refuse("the file is damaged: %w", err)
	}
	switch {
	case version.Version == nil:
		return refuse("not a file of checkpoints: it has no version")
	case *version.Version != checkpointsVersion:
		return refuse("it has version %d, this binary knows version %d", *version.Version, checkpointsVersion)
	}
	var file checkpointsFile
	if err := json.Unmarshal(text, &file); err != nil {
		return refuse("the file is damaged: %w", err)
	}
	c := file.Intakes.mapStrings(func(s string) string {
		s, err = unarmour(s, err)
		return s
	})
	if err != nil {
		return refuse("the file is damaged: %w", err)
	}
	return c, nil
}

// mapStrings is a copy with f applied to every string.
func (c Checkpoints) mapStrings(f func(string) string) Checkpoints {
	out := make(Checkpoints, len(c))
	for intake, values := range c {
		to := make(map[string]string, len(values))
		for key, value := range values {
			to[f(key)] = f(value)
		}
		out[f(intake)] = to
	}
	return out
}

// armourPrefix begins a string that JSON cannot hold as it is: its meaning is a log router's own, it may be any bytes.
const armourPrefix = "base64:"

func armour(s string) string {
	if utf8.ValidString(s) && !strings.HasPrefix(s, armourPrefix) {
		return s
	}
	return armourPrefix + base64.StdEncoding.EncodeToString([]byte(s))
}

// unarmour undoes armour; it keeps an earlier error.
func unarmour(s string, earlier error) (string, error) {
	code, ok := strings.CutPrefix(s, armourPrefix)
	if !ok || earlier != nil {
		return s, earlier
	}
	plain, err := base64.StdEncoding.DecodeString(code)
	return string(plain), err
}

// replaceFile writes a file beside path, makes sure that it is on the disk, and puts it in path's place.
func replaceFile(path string, content []byte) (err error) {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in the directory durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // directories cannot be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
