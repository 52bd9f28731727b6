package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// failingLetters is a user's function that fails letters as often as it says.
type failingLetters struct {
	mu    sync.Mutex
	fails map[string]int
	calls []string
}

func (f *failingLetters) call(_ context.Context, d DeadTask) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, d.ID)
	if f.fails[d.ID] == 0 {
		return nil
	}
	f.fails[d.ID]--
	return errors.New("not now")
}

// A letter that is failed comes again, and the others do not wait for it.
func TestLettersComeAgain(t *testing.T) {
	f := &failingLetters{fails: map[string]int{"a": 2}}
	handled := make(chan string, 10)
	added := make(chan struct{})
	l := newDeadLetters(letterConfig{limit: time.Second, call: func(ctx context.Context, d DeadTask) error {
		<-added // so that the others wait when the first one is failed
		return f.call(ctx, d)
	}}, func(id string) { handled <- id })
	for _, id := range []string{"a", "b", "c"} {
		l.add(DeadTask{ID: id}, false)
	}
	close(added)
	for _, want := range []string{"b", "c", "a"} {
		if got := testkit.Receive(t, handled, "a letter"); got != want {
			t.Errorf("%s was handled, want %s", got, want)
		}
	}
	if n := l.close(t.Context()); n != 0 || !slices.Equal(f.calls, []string{"a", "b", "c", "a", "a"}) {
		t.Errorf("%d letters are left after %q", n, f.calls)
	}
}

// close waits for a letter that is failed, unless a store has it or there is no
// more time.
func TestLettersAreLeft(t *testing.T) {
	for name, test := range map[string]struct {
		stored, late bool
	}{"stored": {stored: true}, "late": {late: true}} {
		f := &failingLetters{fails: map[string]int{"a": 1 << 30}}
		l := newDeadLetters(letterConfig{call: f.call, limit: time.Hour, stored: test.stored}, func(string) {})
		l.add(DeadTask{ID: "a"}, false)
		l.add(DeadTask{ID: "b"}, false)
		ctx, cancel := context.WithCancel(t.Context())
		if test.late {
			cancel()
		}
		if n := l.close(ctx); n != 1 || !slices.Contains(f.calls, "b") {
			t.Errorf("%s: %d letters are left after %q", name, n, f.calls)
		}
		cancel()
	}
}

// The pauses grow up to the limit.
func TestLetterPauses(t *testing.T) {
	l := &deadLetters{cfg: letterConfig{first: 100 * time.Millisecond, limit: 30 * time.Second}}
	for failures, want := range map[int]time.Duration{0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 4: 1600 * time.Millisecond, 60: 30 * time.Second} {
		if got := l.pause(failures); got != want {
			t.Errorf("the pause after %d failures is %v, want %v", failures, got, want)
		}
	}
	if l.cfg = (letterConfig{}); l.pause(0) != minLetterPause {
		t.Errorf("the shortest pause is %v", l.pause(0))
	}
}

// A letter that is held waits until it is released, others do not wait for it, and
// close waits for it as long as there is time.
func TestLettersAreHeld(t *testing.T) {
	f := &failingLetters{}
	handled := make(chan string, 10)
	l := newDeadLetters(letterConfig{call: f.call, limit: time.Second, stored: true}, func(id string) { handled <- id })
	l.add(DeadTask{ID: "a"}, true)
	l.add(DeadTask{ID: "b"}, false)
	l.add(DeadTask{ID: "c"}, true)
	if got := testkit.Receive(t, handled, "a letter"); got != "b" {
		t.Errorf("%s was handled, want b", got)
	}
	closed := make(chan int)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { closed <- l.close(ctx) }()
	l.release("c")
	if got := testkit.Receive(t, handled, "a letter"); got != "c" {
		t.Errorf("%s was handled, want c", got)
	}
	cancel()
	if n := testkit.Receive(t, closed, "close"); n != 1 {
		t.Errorf("%d letters are left, want the one that is held", n)
	}
}
