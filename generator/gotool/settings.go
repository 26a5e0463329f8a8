package gotool

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Memory keeps what the go command answered, from one process to the next: values by a kind and a key.
type Memory interface {
	// Recall reads into v what was kept; false when nothing was.
	Recall(kind, key string, v any) bool
	Keep(kind, key string, v any) error
}

// KeptSettings is the kind under which settings are kept.
const KeptSettings = "settings"

// Settings are the go command's settings that the builder needs to know, by their names in `go env`.
type Settings struct {
	GOVERSION, GOTOOLCHAIN                  string
	GOOS, GOARCH, GO386, GOAMD64, GOARM     string
	GOARM64, GOMIPS, GOMIPS64, GOPPC64      string
	GORISCV64, GOEXPERIMENT, GOFIPS140      string
	GOPROXY, GONOPROXY, GOFLAGS, GOMODCACHE string
	GOHOSTOS, GOHOSTARCH                    string
}

// answer is what the go command is asked for.
type answer struct {
	Settings
	GOROOT string
}

// Toolchain is the JSON of the settings that decide what is compiled, and how.
func (s Settings) Toolchain() ([]byte, error) {
	deciding := s
	deciding.GOPROXY, deciding.GONOPROXY, deciding.GOFLAGS, deciding.GOMODCACHE = "", "", "", ""
	deciding.GOTOOLCHAIN, deciding.GOHOSTOS, deciding.GOHOSTARCH = "", "", ""
	return json.Marshal(deciding) //nolint:musttag // the names are the go command's
}

// ask finds out the go command's settings: from memory, where nothing changed that decides them, else from itself. Of GOFLAGS only those
// remain that builds run with.
func (g *Tool) ask(ctx context.Context, environ []string, memory Memory) error {
	env := g.env
	if flags, ok := lookup(environ, "GOFLAGS"); ok && flags != "" {
		env = withEnv(env, "GOFLAGS="+flags)
	}
	if memory == nil {
		_, err := g.askAnew(ctx, env)
		return err
	}
	proxies, _ := lookup(env, "GOPROXY")
	root, key := g.decides(env)
	if key != "" && memory.Recall(KeptSettings, key, &g.Settings) {
		g.Settings.GOPROXY = cmp.Or(proxies, g.Settings.GOPROXY)
		return nil
	}
	answeredBy, err := g.askAnew(ctx, env)
	if err != nil || key == "" || answeredBy != root {
		return err
	}
	kept := g.Settings
	if proxies != "" {
		kept.GOPROXY = "" // the environment has it, and it may hold a password
	}
	if NewSecrets(nil).HideAll(kept.GOPROXY) == kept.GOPROXY {
		_ = memory.Keep(KeptSettings, key, kept) // else the go command is asked again
	}
	return nil
}

// askAnew asks the go command, in no module's directory: a go.mod there could choose another toolchain. root is where the toolchain that
// answered lies, without symbolic links.
func (g *Tool) askAnew(ctx context.Context, env []string) (root string, err error) {
	var a answer
	fields, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	var names map[string]string
	if err := json.Unmarshal(fields, &names); err != nil {
		return "", err
	}
	asked := *g
	asked.env = env
	out, err := asked.Run(ctx, filepath.VolumeName(g.Path)+string(filepath.Separator), nil, append([]string{"env", "-json"}, slices.Sorted(maps.Keys(names))...)...)
	if err == nil {
		err = json.Unmarshal(out, &a)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("%s does not work:\n%w\nnext: install Go anew (https://go.dev/dl), or put one that works first in PATH", g.Path, err)
	}
	g.Settings = a.Settings
	if g.Settings.GOFLAGS, err = keptFlags(g.Settings.GOFLAGS); err != nil {
		return "", err
	}
	if root, err = filepath.EvalSymlinks(a.GOROOT); err != nil {
		return "", nil //nolint:nilerr // nothing is kept then
	}
	return root, nil
}

// decides identifies all that decides the settings of the toolchain that the go command belongs to: its binary, its files, the user's
// configuration file and the environment; root is where it lies. key is "" when that cannot be told: another program stands in its place.
func (g *Tool) decides(env []string) (root, key string) {
	binary, err := filepath.EvalSymlinks(g.Path)
	if err != nil {
		return "", ""
	}
	root = filepath.Dir(filepath.Dir(binary))
	info, err := os.Stat(binary)
	if err != nil {
		return "", ""
	}
	h := sha256.New()
	note := func(what string, content []byte) { _, _ = fmt.Fprintf(h, "%s %d\n%s", what, len(content), content) } // a hash takes all
	note("settings 1", nil)
	note(binary, fmt.Appendf(nil, "%d %d", info.Size(), info.ModTime().UnixNano()))
	files := []string{filepath.Join(root, "VERSION"), filepath.Join(root, "go.env")}
	if file := configuration(env); file != "" {
		files = append(files, file)
	}
	for i, file := range files {
		content, err := os.ReadFile(file)
		if i == 0 && err != nil || !filepath.IsAbs(file) {
			return "", ""
		}
		note(fmt.Sprint(file, err == nil), content)
	}
	for _, kv := range env {
		switch name, value, _ := strings.Cut(kv, "="); {
		case name == "GOPROXY": // Only whether it is set: its value is never kept.
			note(name, strconv.AppendBool(nil, value != ""))
		case name == "HOME", name == "USERPROFILE", strings.HasPrefix(name, "GO") && name != "GOAUTH":
			note(name, []byte(value))
		}
	}
	return root, hex.EncodeToString(h.Sum(nil))
}

// configuration is the file in which `go env -w` keeps settings, "" when there is none.
func configuration(env []string) string {
	if file, _ := lookup(env, "GOENV"); file == "off" {
		return ""
	} else if file != "" {
		return file
	}
	home, _ := lookup(env, "HOME")
	var dir string
	switch runtime.GOOS { // as os.UserConfigDir, of this environment
	case "windows":
		dir, _ = lookup(env, "APPDATA")
	case "darwin":
		dir = filepath.Join(home, "Library", "Application Support")
	default:
		if dir, _ = lookup(env, "XDG_CONFIG_HOME"); dir == "" {
			dir = filepath.Join(home, ".config")
		}
	}
	return filepath.Join(dir, "go", "env")
}
