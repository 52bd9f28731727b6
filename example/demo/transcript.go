package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// lineWidth is the width of a terminal on which a status does not wrap.
const lineWidth = 79

// A transcript prints lines, each with the name of its speaker in front. It
// may be used by several goroutines at once.
type transcript struct {
	w        io.Writer
	terminal bool // a status is written over the one before

	mu    sync.Mutex
	shown int // the width of the status that the cursor stands on
}

// isTerminal reports whether f is a device rather than a file or a pipe.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// title starts a new part.
func (t *transcript) title(format string, args ...any) {
	t.print("\n== %s\n", fmt.Sprintf(format, args...))
}

// say prints one line of name.
func (t *transcript) say(name, format string, args ...any) {
	t.print("%-12s| %s\n", name, fmt.Sprintf(format, args...))
}

// status prints how far name is. On a terminal the next line that is printed
// replaces it.
func (t *transcript) status(name, format string, args ...any) {
	if !t.terminal {
		t.say(name, format, args...)
		return
	}
	line := fmt.Sprintf("%-12s| %s", name, fmt.Sprintf(format, args...))
	line = line[:min(len(line), lineWidth)]
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "\r%-*s", t.shown, line)
	t.shown = len(line)
}

// pace returns how often a status is worth printing.
func (t *transcript) pace() time.Duration {
	if t.terminal {
		return time.Second / 2
	}
	return time.Minute
}

// print prints text in place of a status.
func (t *transcript) print(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shown > 0 {
		fmt.Fprintf(t.w, "\r%*s\r", t.shown, "")
		t.shown = 0
	}
	fmt.Fprintf(t.w, format, args...)
}

// A lineWriter calls line for every complete line that is written to it,
// without its line break. It is for one goroutine.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.line(string(bytes.TrimSuffix(line, []byte("\r"))))
		w.rest = rest
	}
}

// flush passes on a last line that has no line break.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.line(string(w.rest))
		w.rest = nil
	}
}
