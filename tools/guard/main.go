// Guard compares what micro-benchmarks cost with figures that are checked in, and
// fails when a cost has grown by more than a quarter:
//
//	go run -C tools ./guard          # compares
//	go run -C tools ./guard -renew   # writes the figures again
//
// A cost is a number of allocations or of instructions per operation, which another
// load of the machine does not change; guard never looks at a clock. The kernel's
// counters give the instructions (perf stat), or valgrind where there are none.
// Where neither is installed, guard says so and compares the allocations alone,
// as it does on another architecture than that of the figures. Whoever makes a
// benchmark cost more on purpose renews the figures and says in the commit why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	renew := flag.Bool("renew", false, "write the figures again")
	file := flag.String("figures", "guard/figures.txt", "`file` with the figures")
	root := flag.String("root", "..", "`folder` of the module with the benchmarks")
	flag.Parse()
	if err := run(ctx, os.Stdout, *root, *file, *renew); err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		os.Exit(1)
	}
}

// run measures what the file names and compares it, or writes it into the file.
func run(ctx context.Context, w io.Writer, root, file string, renew bool) error {
	want, err := readFigures(file)
	if err != nil {
		return err
	}
	m, err := newMeter(ctx, root)
	if err != nil {
		return err
	}
	defer m.close()
	fmt.Fprintf(w, "instructions: %s\n", m.counter)
	got := figures{arch: m.arch}
	for _, f := range want.list {
		f, err := m.least(ctx, f)
		if err != nil {
			return fmt.Errorf("%s %s: %w", f.pkg, f.name, err)
		}
		got.list = append(got.list, f)
	}
	if renew {
		if m.counter == noCounter {
			return errors.New("the figures need perf or valgrind")
		}
		return writeFigures(file, got)
	}
	return compare(w, want, got)
}
