package check

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Finding is one place where a rule is broken.
type Finding struct {
	// Rule is the ID of the rule.
	Rule string
	// Name is the full name of the declaration, from the old files if the new ones
	// lack it. Empty: the file as a whole.
	Name string
	// Message says what breaks, for whom, and what to do instead.
	Message string
	// At is in the checked files; Against, for breaking rules, is in the old files.
	// A position with an empty file is unknown: a deleted declaration may have no
	// place in the new files.
	At, Against Position
}

// A Position is a place in a .proto file.
type Position struct {
	File string
	// Line and Column count from 1; 0: unknown, because the files came without
	// positions, or the file as a whole.
	Line, Column int
	// Path leads to the place in the file's descriptor.
	Path protoreflect.SourcePath
}

// String returns the position as "file:line:column", without unknown parts.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// String returns the finding in one line, in the form of compilers.
func (f Finding) String() string {
	var b strings.Builder
	switch {
	case f.At.File != "":
		b.WriteString(f.At.String())
	case f.Against.File != "":
		b.WriteString(f.Against.String() + " (of the old files)")
	}
	if f.Name != "" {
		b.WriteString(": " + f.Name)
	}
	return fmt.Sprintf("%s: %s (%s)", b.String(), f.Message, f.Rule)
}

// sorted returns the findings in the order of files and places.
func sorted(findings []Finding) []Finding {
	place := func(f Finding) Position {
		if f.At.File == "" {
			return f.Against
		}
		return f.At
	}
	slices.SortStableFunc(findings, func(x, y Finding) int {
		a, b := place(x), place(y)
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return findings
}

// Select returns the findings of the rules that use selects and except does not,
// both by IDs and categories. An empty use selects the default rules. The error
// names an entry that is neither a rule nor a category.
func Select(findings []Finding, use, except []string) ([]Finding, error) {
	known, wanted := map[string]bool{}, map[string]bool{}
	for _, r := range Rules() {
		known[r.ID], known[r.Category] = true, true
		in := func(names []string) bool { return slices.Contains(names, r.ID) || slices.Contains(names, r.Category) }
		wanted[r.ID] = (in(use) || len(use) == 0 && r.Default) && !in(except)
	}
	for _, name := range slices.Concat(use, except) {
		if !known[name] {
			return nil, fmt.Errorf("there is no rule or category %q", name)
		}
	}
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return !wanted[f.Rule] }), nil
}
