package manifest

import (
	"strings"
	"testing"
)

func TestNamesAndVersionsHaveABound(t *testing.T) {
	for field, most := range map[string]int{"name": 64, "version": 128} {
		for _, length := range []int{most, most + 1} {
			_, err := Parse("x.yaml", []byte(field+": "+strings.Repeat("a", length)+"\n"), nil)
			if refused := err != nil && strings.Contains(err.Error(), "x.yaml:1:"); refused != (length > most) {
				t.Errorf("%s of %d bytes: %v", field, length, err)
			}
		}
	}
}
