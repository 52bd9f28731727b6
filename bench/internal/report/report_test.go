package report

import (
	"strings"
	"testing"

	"github.com/gozmq/gozmq/bench/internal/cases"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 9.876: "9.88", 42.42: "42.4", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := number(v); got != want {
			t.Errorf("number(%v): got %q, want %q", v, got, want)
		}
	}
}

func TestTargetsSaysWhatWasMissed(t *testing.T) {
	var b strings.Builder
	Targets(&b, []*cases.Result{{Case: "c", Targets: []cases.Target{
		{What: "enough", Got: 2, Want: 1},
		{What: "too little", Got: 0.5, Want: 1},
		{What: "too much", Got: 2, Want: 1, AtMost: true},
		{What: "nothing", Want: 1, Unknown: "no library"},
	}}})
	for _, want := range []string{"too little | ≥ 1    | 0.50 | MISSED", "too much   | ≤ 1    | 2.00 | MISSED", "not known: no library", "1 targets met, 2 missed, 1 not known."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
