package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// grown is by how much a cost may grow.
const grown = 1.25

// slack is by how much a number of instructions may grow beside that: the price
// of a very short operation moves with the alignment of its loop.
const slack = 8

// A figure is what one benchmark costs per operation.
type figure struct {
	pkg, name    string
	ops          int     // operations of a run
	allocs       float64 // -1: not compared
	instructions float64 // -1: not compared
}

// allocsLimit is how many allocations are not too many.
func (f figure) allocsLimit() float64 { return f.allocs * grown }

// instructionsLimit is how many instructions are not too many.
func (f figure) instructionsLimit() float64 { return f.instructions*grown + slack }

// worse reports whether f costs too much.
func (f figure) worse(than figure) bool {
	return f.allocs > than.allocsLimit() || f.instructions > than.instructionsLimit()
}

// figures are all that a file has.
type figures struct {
	arch string
	list []figure
}

const head = `# What micro-benchmarks cost per operation: go doc ./tools/guard. A cost of -1 is not compared.
`

func readFigures(file string) (f figures, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return f, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0 || fields[0] == "#" || fields[0] == "package":
		case fields[0] == "arch" && len(fields) == 2:
			f.arch = fields[1]
		default:
			var g figure
			if _, err := fmt.Sscan(lines.Text(), &g.pkg, &g.name, &g.ops, &g.allocs, &g.instructions); err != nil {
				return f, fmt.Errorf("%s:%d: %w", file, n, err)
			}
			f.list = append(f.list, g)
		}
	}
	if f.arch == "" || len(f.list) == 0 {
		return f, fmt.Errorf("%s: no architecture or no figure", file)
	}
	return f, nil
}

func writeFigures(file string, f figures) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\narch %s\n\n", head, f.arch)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "package\tbenchmark\toperations\tallocations\tinstructions")
	for _, g := range f.list {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.0f\t%.0f\n", g.pkg, g.name, g.ops, g.allocs, g.instructions)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// compare reports each cost and returns an error when one has grown too much. The
// lists are of the same benchmarks in the same order.
func compare(w io.Writer, want, got figures) error {
	var worse []string
	look := func(f figure, what string, got, want, limit float64) {
		verdict := ""
		if got > limit {
			verdict = "  TOO MUCH"
			worse = append(worse, f.name+": "+what)
		}
		fmt.Fprintf(w, "%-40s %8.0f %-12s was %8.0f%s\n", f.name, got, what, want, verdict)
	}
	for i, g := range got.list {
		f := want.list[i]
		if f.allocs >= 0 {
			look(f, "allocations", g.allocs, f.allocs, f.allocsLimit())
		}
		if f.instructions >= 0 && g.instructions >= 0 && want.arch == got.arch {
			look(f, "instructions", g.instructions, f.instructions, f.instructionsLimit())
		}
	}
	if len(worse) > 0 {
		return fmt.Errorf("costs have grown by more than a quarter: %s\n"+
			"if that is wanted: go run -C tools ./guard -renew, and say why in the commit", strings.Join(worse, ", "))
	}
	return nil
}
