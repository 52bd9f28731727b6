// Package leak finds goroutines that tests have left behind. It is for tests.
package leak

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// patience is how long a goroutine may take to end after the test that started
// it has.
const patience = 20 * time.Second

// Main is a TestMain: it runs the tests and then ends, which stop what the tests
// share. It fails when all tests have passed but a goroutine is left. It does not
// return.
func Main(m *testing.M, ends ...func()) {
	code := m.Run()
	for _, end := range ends {
		end()
	}
	if code == 0 {
		if left := wait(nil); len(left) > 0 {
			fmt.Fprintln(os.Stderr, report(left))
			code = 1
		}
	}
	os.Exit(code)
}

// Check fails t when a goroutine is left that running does not have. It must not
// be called while other tests run.
func Check(t testing.TB, running Running) {
	t.Helper()
	if left := wait(running); len(left) > 0 {
		t.Error(report(left))
	}
}

// Running is a set of goroutines, by their ids.
type Running map[string]bool

// Now returns the running goroutines.
func Now() Running {
	running := make(Running)
	for _, g := range stacks() {
		running[id(g)] = true
	}
	return running
}

// wait returns the goroutines not in running that are left when patience is over,
// or nil as soon as there are none.
func wait(running Running) [][]byte {
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		left := leaked(running)
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(pause)
	}
}

func leaked(running Running) (left [][]byte) {
	for _, g := range stacks()[1:] { // the first is this one
		if !running[id(g)] && !harmless(g) {
			left = append(left, g)
		}
	}
	return left
}

// stacks returns the stack of every goroutine, the caller's first.
func stacks() [][]byte {
	for size := 64 << 10; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size {
			return bytes.Split(bytes.TrimSpace(b[:n]), []byte("\n\n"))
		}
	}
}

// id returns "goroutine 7" of a stack.
func id(stack []byte) string {
	head, _, _ := bytes.Cut(stack, []byte(" ["))
	return string(head)
}

// theirs are functions whose goroutines belong to Go's own packages, and stay.
var theirs = [][]byte{
	[]byte("\ntesting.(*T).Run("),
	[]byte("\ntesting.(*F).Fuzz("),
	[]byte("\ntesting.(*testState).waitParallel("),
	[]byte("\ntesting.runFuzzing("),
	[]byte("\ntesting.runFuzzTests("),
	[]byte("\nos/signal.signal_recv("),
	[]byte("\nos/signal.loop("),
	[]byte("\nruntime.ensureSigM("),
	[]byte("\nruntime/trace.Start"),
	[]byte("\nruntime/pprof.profileWriter("),
}

func harmless(stack []byte) bool {
	for _, name := range theirs {
		if bytes.Contains(stack, name) {
			return true
		}
	}
	return false
}

func report(left [][]byte) string {
	return fmt.Sprintf("%d goroutines are left:\n\n%s", len(left), bytes.Join(left, []byte("\n\n")))
}
