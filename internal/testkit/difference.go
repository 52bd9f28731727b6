package testkit

import (
	"fmt"
	"strings"
)

// Difference shows the first line in which two texts differ, "" where they do not.
func Difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d: %s\nis now: %s", i+1, line(i, w), line(i, g))
		}
	}
	return ""
}

func line(i int, lines []string) string {
	if i >= len(lines) {
		return "(end)"
	}
	return lines[i]
}
