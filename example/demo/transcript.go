package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// A transcript prints lines, each with the name of who said it in front. It
// may be used by several goroutines at once.
type transcript struct {
	mu sync.Mutex
	w  io.Writer
}

// title starts a new part.
func (t *transcript) title(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "\n== %s\n", fmt.Sprintf(format, args...))
}

// say prints one line of name.
func (t *transcript) say(name, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "%-12s| %s\n", name, fmt.Sprintf(format, args...))
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
