package check_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/generator/check"
)

var update = flag.Bool("update", false, "write the guide's table")

// The guide has a table of all rules.
func TestGuide(t *testing.T) {
	const file, begin, end = "../../docs/guide/check.md", "<!-- rules -->\n", "<!-- end of rules -->\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no %q and %q", file, begin, end)
	}
	want := before + begin + table() + end + after
	if want == string(data) {
		return
	}
	if !*update {
		t.Fatalf("the table of %s is not that of the rules; go test ./test/check -update writes it", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// table has a part for each category.
func table() string {
	var b strings.Builder
	for _, c := range check.Categories() {
		var rows strings.Builder
		var about check.Rule
		for _, r := range check.Rules() {
			if r.Category == c.ID {
				about = r
				fmt.Fprintf(&rows, "| `%s` | %s |\n", r.ID, r.Purpose)
			}
		}
		applies := "by default"
		if !about.Default {
			applies = "where they are named"
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s These are %s rules, which apply %s.\n\n| rule | purpose |\n|---|---|\n%s\n", c.ID, c.Purpose, about.Kind, applies, &rows)
	}
	return b.String()
}

// A category's rules are all of one kind, and all or none of them are default.
func TestCategories(t *testing.T) {
	first, seen := map[string]check.Rule{}, map[string]bool{}
	for _, r := range check.Rules() {
		if seen[r.ID] {
			t.Errorf("%s occurs twice", r.ID)
		}
		seen[r.ID] = true
		if f, ok := first[r.Category]; !ok {
			first[r.Category] = r
		} else if f.Kind != r.Kind || f.Default != r.Default {
			t.Errorf("%s and %s are of category %s and differ", f.ID, r.ID, r.Category)
		}
	}
	if len(first) != len(check.Categories()) {
		t.Errorf("the rules have %d categories, want %d", len(first), len(check.Categories()))
	}
}
