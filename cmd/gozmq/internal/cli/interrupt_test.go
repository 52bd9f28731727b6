package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// An interrupter cancels when it is written a text, and keeps all that is written.
type interrupter struct {
	at     string
	cancel context.CancelFunc

	mu   sync.Mutex
	text strings.Builder
}

func (w *interrupter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	if strings.Contains(w.text.String(), w.at) {
		w.cancel()
	}
	return len(b), nil
}

// What goes on until Ctrl-C ends with a summary and without a failure even where
// that comes before anything else.
func TestInterruptAtOnce(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	publications := file("publications.ndjson", `{"kind":"publication","topic":"a","body":"YQ=="}`+"\n")
	tasks := file("tasks.ndjson", `{"kind":"task","method":"a","body":"YQ=="}`+"\n")
	kept := file("kept.ndjson", `{"kind":"task","method":"a","body":"YQ==","atLeastOnce":true}`+"\n")
	const bind = "--bind tcp://127.0.0.1:* "
	for _, c := range []struct{ name, line, until, summary string }{
		{"sub", "sub --raw " + bind, "listening", "0 messages"},
		{"pull", "pull --raw " + bind + "x", "listening", "0 tasks"},
		{"proxy", "proxy pub-sub --front tcp://127.0.0.1:* --back tcp://127.0.0.1:*", "front tcp", "0 to the back"},
		{"pub", "pub --raw " + bind + "--wait 0 --count 0 --interval 1ms a b", "listening", "published"},
		{"pub waiting", "pub --raw " + bind + "--count 0 --interval 1ms a b", "listening", "0 messages published"},
		{"push", "push --raw " + bind + "--wait 0 --count 0 --interval 1ms a b", "listening", "handed out"},
		{"push waiting", "push --raw " + bind + "--count 0 --interval 1ms a b", "listening", "0 tasks handed out"},
		{"replay", "replay " + bind + "--wait 0 --loop 0 " + publications, "listening", "0 publications replayed"},
		{"replay waiting", "replay " + bind + "--loop 0 " + publications, "listening", "0 publications replayed"},
		{"replay tasks", "replay " + bind + "--wait 0 --loop 0 " + tasks, "listening", "0 tasks replayed"},
		{"replay tasks waiting", "replay " + bind + "--loop 0 " + tasks, "listening", "0 tasks replayed"},
		{"replay tasks that are kept", "replay " + bind + "--wait 0 --loop 0 " + kept, "listening", "0 tasks replayed"},
		{"serve", "serve --raw --bare tcp://127.0.0.1:*", "listening", "0 calls served"},
		{"sniff", "sniff tcp://127.0.0.1:5555", "listening", "0 messages on 0 connections"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			told := &interrupter{at: c.until, cancel: cancel}
			a := &app{in: strings.NewReader(""), out: io.Discard, errOut: told, env: func(string) string { return "" }}
			if code := a.run(ctx, strings.Fields(c.line)); code != 0 || !strings.Contains(told.text.String(), c.summary) {
				t.Errorf("exit code %d, want 0 and %q; it printed\n%s", code, c.summary, told.text.String())
			}
		})
	}
}
