package audit

import (
	"fmt"
	"math"
	"strings"
)

// Severity is how bad a vulnerability is. Unknown means that its database does not say.
type Severity int

// The severities in their order.
const (
	Unknown Severity = iota
	Low
	Medium
	High
	Critical
)

//nolint:gochecknoglobals // constant
var severities = []string{"unknown", "low", "medium", "high", "critical"}

// String is the severity's word.
func (s Severity) String() string { return severities[s] }

// MarshalText gives the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads a severity's word, as people and databases write it; anything else is Unknown.
func ParseSeverity(word string) Severity {
	switch strings.ToLower(word) {
	case "low":
		return Low
	case "medium", "moderate":
		return Medium
	case "high":
		return High
	case "critical":
		return Critical
	}
	return Unknown
}

// severity is the highest that an entry gives for a module: as a word, or as a CVSS 3 vector. Go's own database gives none.
func (e *entry) severity(a *affected) Severity {
	worst := max(ParseSeverity(e.Specific.Severity), ParseSeverity(a.Ecosystem.Severity))
	for _, list := range [][]score{e.Severity, a.Severity} {
		for _, s := range list {
			worst = max(worst, ParseSeverity(s.Score))
			if base, err := cvss3(s.Score); err == nil {
				worst = max(worst, rating(base))
			}
		}
	}
	return worst
}

// rating is the word for a CVSS 3 score (CVSS v3.1 specification section 5).
func rating(base float64) Severity {
	switch {
	case base >= 9:
		return Critical
	case base >= 7:
		return High
	case base >= 4:
		return Medium
	}
	return Low
}

// weights are those of the CVSS 3 base metrics (CVSS v3.1 specification section 7.4); PR stands for an unchanged scope.
//
//nolint:gochecknoglobals // constant
var weights = map[string]map[string]float64{
	"AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
	"AC": {"L": 0.77, "H": 0.44},
	"PR": {"N": 0.85, "L": 0.62, "H": 0.27},
	"UI": {"N": 0.85, "R": 0.62},
	"S":  {"U": 0, "C": 1},
	"C":  {"H": 0.56, "L": 0.22, "N": 0},
	"I":  {"H": 0.56, "L": 0.22, "N": 0},
	"A":  {"H": 0.56, "L": 0.22, "N": 0},
}

// cvss3 is the base score of a vector, "CVSS:3.1/AV:N/AC:L/..." (CVSS v3.1 specification section 7.1).
func cvss3(vector string) (float64, error) {
	metrics, ok := strings.CutPrefix(vector, "CVSS:3.")
	if !ok {
		return 0, fmt.Errorf("no CVSS 3 vector: %q", vector)
	}
	values, words := map[string]float64{}, map[string]string{}
	for _, metric := range strings.Split(metrics, "/")[1:] {
		name, word, _ := strings.Cut(metric, ":")
		if of, base := weights[name]; base {
			value, known := of[word]
			if _, twice := values[name]; !known || twice {
				return 0, fmt.Errorf("metric %q of a CVSS 3 vector is wrong", metric)
			}
			values[name], words[name] = value, word
		}
	}
	if len(values) != len(weights) {
		return 0, fmt.Errorf("a CVSS 3 vector lacks base metrics: %q", vector)
	}
	changed := words["S"] == "C"
	if changed { // more can be done with privileges then
		values["PR"] = map[string]float64{"N": 0.85, "L": 0.68, "H": 0.5}[words["PR"]]
	}
	loss := 1 - (1-values["C"])*(1-values["I"])*(1-values["A"])
	impact := 6.42 * loss
	if changed {
		impact = 7.52*(loss-0.029) - 3.25*math.Pow(loss-0.02, 15)
	}
	if impact <= 0 {
		return 0, nil
	}
	exploitability := 8.22 * values["AV"] * values["AC"] * values["PR"] * values["UI"]
	if changed {
		return roundUp(math.Min(1.08*(impact+exploitability), 10)), nil
	}
	return roundUp(math.Min(impact+exploitability, 10)), nil
}

// roundUp is the next tenth (CVSS v3.1 specification appendix A).
func roundUp(x float64) float64 {
	n := int(math.Round(x * 100000))
	if n%10000 == 0 {
		return float64(n) / 100000
	}
	return (math.Floor(float64(n)/10000) + 1) / 10
}
