package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// file is a registry with its entries as they stand in it.
type file struct {
	SchemaRef string            `json:"$schema,omitempty"`
	Schema    int               `json:"schema"`
	Modules   []json.RawMessage `json:"modules"`
}

// Add puts an entry into the text of a registry, or into a new one when data is empty. An entry of the same package is replaced, and keeps
// what only a person can write: its name, summary, example, stability and, where e has none, options. The other entries keep their content.
func Add(data []byte, e manifest.Entry) (text []byte, replaced bool, err error) {
	f := file{Schema: 1, Modules: []json.RawMessage{}}
	if len(data) > 0 {
		if _, err := manifest.ParseRegistry(data); err != nil {
			return nil, false, err
		}
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, false, err
		}
	}
	at := len(f.Modules)
	for i, raw := range f.Modules {
		var have manifest.Entry
		if err := json.Unmarshal(raw, &have); err != nil {
			return nil, false, err
		}
		if have.Package == e.Package {
			at, replaced = i, true
			e.Name, e.Summary, e.Example, e.Stability, e.Transport = have.Name, have.Summary, have.Example, have.Stability, have.Transport
			if len(e.Options) == 0 {
				e.Options = have.Options
			}
		} else if have.Name == e.Name {
			return nil, false, fmt.Errorf("the name %q is already that of %s: give another with --name", e.Name, have.Package)
		}
	}
	if at == len(f.Modules) {
		f.Modules = append(f.Modules, nil)
	}
	if e.Options == nil {
		e.Options = []manifest.Option{}
	}
	if f.Modules[at], err = encode(e); err != nil {
		return nil, false, err
	}
	compact, err := encode(f)
	if err != nil {
		return nil, false, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return nil, false, err
	}
	out.WriteByte('\n')
	if _, err := manifest.ParseRegistry(out.Bytes()); err != nil {
		return nil, false, errors.Join(errors.New("the entry would be wrong"), err)
	}
	return out.Bytes(), replaced, nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
