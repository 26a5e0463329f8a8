package manifest

import (
	"math"
	"regexp"
	"strconv"
)

// sizeForm is a number of bytes: 12MiB, 12.5 MB, 900KiB, 12000000.
var sizeForm = regexp.MustCompile(`^(\d{1,15}(?:\.\d{1,6})?) ?([KMG]i?B|B)?$`)

var sizeUnits = map[string]float64{ //nolint:gochecknoglobals // constant
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

func (r *manifestReader) budget(n node) Budget {
	var b Budget
	r.keys(n, "budget", []string{"size", "modules"}, func(f field) {
		if f.value.kind != numberKind && f.key == "modules" {
			r.add(f.value.pos, "modules: want a number of Go modules, found %s", f.value.describe())
			return
		}
		text, ok := r.scalar(f.value, f.key)
		if !ok {
			return
		}
		switch f.key {
		case "size":
			b.SizePos = f.pos
			m := sizeForm.FindStringSubmatch(text)
			if m == nil {
				r.add(f.value.pos, "size: want bytes such as 12MiB, 12.5MB or 900KiB, found %s", quote(text))
				return
			}
			number, _ := strconv.ParseFloat(m[1], 64) // the form is a number's
			if b.Size = int64(math.Min(number*sizeUnits[m[2]], 1<<50)); b.Size < 1 {
				r.add(f.value.pos, "size: want at least one byte, found %s: leave the key out for no bound", quote(text))
			}
		case "modules":
			b.ModulesPos = f.pos
			number, err := strconv.ParseUint(text, 10, 31)
			if err != nil || number == 0 {
				r.add(f.value.pos, "modules: want a number of Go modules, 1 or more, found %s", quote(text))
				return
			}
			b.Modules = int(number)
		}
	})
	if n.kind == mappingKind && len(n.fields) == 0 {
		r.add(n.pos, "budget: want size, modules or both")
	}
	return b
}
