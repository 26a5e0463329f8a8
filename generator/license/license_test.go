package license

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// text is a licence as modules have it.
func text(t *testing.T, id string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", id))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLicencesAreReadFromTheFilesAtTheRoot(t *testing.T) {
	mit, bsd := text(t, "MIT"), text(t, "BSD-3-Clause")
	notice := strings.Repeat("All rights reserved. This is ours and not yours, whatever you were told. ", 30)
	for name, row := range map[string]struct {
		files map[string]string
		want  string
	}{
		"one":                              {map[string]string{"LICENSE": mit, "a.go": "package a"}, "MIT"},
		"other names":                      {map[string]string{"Licence.md": bsd}, "BSD-3-Clause"},
		"copying":                          {map[string]string{"COPYING.txt": bsd}, "BSD-3-Clause"},
		"two files":                        {map[string]string{"LICENSE-MIT": mit, "LICENSE.bsd": bsd}, "BSD-3-Clause AND MIT"},
		"two texts in a file":              {map[string]string{"LICENSE": bsd + "\n---\n\n" + mit}, "BSD-3-Clause AND MIT"},
		"twice the same":                   {map[string]string{"LICENSE": mit, "COPYING": mit}, "MIT"},
		"none":                             {map[string]string{"README.md": mit}, ""},
		"code and directories":             {map[string]string{"license.go": "package a", "LICENSES/x": mit}, ""},
		"documentation's":                  {map[string]string{"LICENSE": mit, "LICENSE.docs": notice}, "MIT"},
		"patents beside it":                {map[string]string{"LICENSE": bsd, "PATENTS": notice}, "BSD-3-Clause"},
		"unknown text":                     {map[string]string{"LICENSE": notice}, ""},
		"known and unknown text":           {map[string]string{"LICENSE": mit + notice}, ""},
		"known beside unknown":             {map[string]string{"LICENSE": mit, "LICENSE.commercial": notice}, ""},
		"a condition that SPDX cannot say": {map[string]string{"LICENSE": commons + mit}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			module := fstest.MapFS{}
			for file, content := range row.files {
				module[file] = &fstest.MapFile{Data: []byte(content)}
			}
			got, err := Of(module)
			if err != nil || got != row.want {
				t.Errorf("the licence is %q (%v), want %q", got, err, row.want)
			}
		})
	}
}

// commons is the Commons Clause (https://commonsclause.com), which takes from a licence the right to sell.
const commons = `"Commons Clause" License Condition v1.0

The Software is provided to you by the Licensor under the License, as defined below, subject to the following condition.

Without limiting other conditions in the License, the grant of rights under the License will not include, and the License does not grant to you, the right to Sell the Software.

For purposes of the foregoing, "Sell" means practicing any or all of the rights granted to you under the License to provide to third parties, for a fee or other consideration (including without limitation fees for hosting or consulting/ support services related to the Software), a product or service whose value derives, entirely or substantially, from the functionality of the Software. Any license notice or attribution required by the License must also include this Commons Clause License Condition notice.

Software: x

License: MIT

Licensor: x

`
