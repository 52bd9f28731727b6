package report

import (
	"fmt"
	"io"

	"github.com/gozmq/gozmq/bench/internal/cases"
)

// Targets prints what was promised and what came of it.
func Targets(w io.Writer, results []*cases.Result) {
	fmt.Fprintf(w, "\n## Targets\n\n")
	rows := [][]string{{"case", "target", "wanted", "got", ""}}
	met, missed, unknown := 0, 0, 0
	for _, r := range results {
		for _, t := range r.Targets {
			sign, verdict := "≥", "met"
			if t.AtMost {
				sign = "≤"
			}
			got := fmt.Sprintf("%.2f", t.Got)
			switch {
			case t.Unknown != "":
				got, verdict = "–", "not known: "+t.Unknown
				unknown++
			case t.Met():
				met++
			default:
				verdict = "MISSED"
				missed++
			}
			rows = append(rows, []string{r.Case, t.What, fmt.Sprintf("%s %g", sign, t.Want), got, verdict})
		}
	}
	table(w, rows)
	fmt.Fprintf(w, "\n%d targets met, %d missed, %d not known.\n", met, missed, unknown)
}
