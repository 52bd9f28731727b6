package relay

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// Workers get tasks in turn, and tasks are passed on frame by frame.
func TestPushPull(t *testing.T) {
	b := start(t, NewPushPull, nil)
	workers := []*zmtptest.Peer{b.join(t, b.back, zmtp.Pull), b.join(t, b.back, zmtp.Pull)}
	vent := b.join(t, b.front, zmtp.Push)
	for i := range 4 {
		vent.Send(zmtptest.Message("task", "", strconv.Itoa(i)))
	}
	wantTurns(t, workers, 2)
	b.wantCaptured(t, false, []string{"task", "", "0"}, []string{"task", "", "1"}, []string{"task", "", "2"}, []string{"task", "", "3"})
	b.wantStats(t, Stats{ToBack: 4})
}

// TestPushPullPushesBack: without a worker the relay stops reading, so that the
// ventilator cannot write; when a worker comes it gets every task.
func TestPushPullPushesBack(t *testing.T) {
	const tasks = 1000
	b := start(t, NewPushPull, func(cfg *Config) { cfg.Capture = nil })
	vent := b.join(t, b.front, zmtp.Push)
	body := strings.Repeat("x", 64<<10)
	unsent, i := []byte(nil), 0
	for ; len(unsent) == 0; i++ {
		if i == tasks {
			t.Fatalf("%d tasks of %d bytes were written and no worker is there", tasks, len(body))
		}
		unsent = writeUntilBlocked(t, vent, zmtptest.Message(strconv.Itoa(i), body))
	}
	go func() { // what fails here ends the connection, and the worker misses it
		if err := vent.SetWriteDeadline(time.Now().Add(testkit.Patience())); err != nil {
			return
		}
		for _, err := vent.Write(unsent); err == nil && i < tasks; i++ {
			_, err = vent.Write(zmtptest.Message(strconv.Itoa(i), body))
		}
	}()
	worker := b.join(t, b.back, zmtp.Pull)
	for k := range tasks {
		wantMessage(t, worker, strconv.Itoa(k), body)
	}
	b.wantStats(t, Stats{ToBack: tasks})
}

// writeUntilBlocked returns what of m could not be written in a short time. If it
// is called blocked on a slow machine that is not, nothing is lost.
func writeUntilBlocked(t *testing.T, p *zmtptest.Peer, m []byte) (unsent []byte) {
	t.Helper()
	if err := p.SetWriteDeadline(time.Now().Add(testkit.Stretch(200 * time.Millisecond))); err != nil {
		t.Fatal(err)
	}
	n, err := p.Write(m)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return m[n:]
}

// TestPushPullClose: Close passes on all that was read, once a worker is there.
func TestPushPullClose(t *testing.T) {
	b := start(t, NewPushPull, nil)
	vent := b.join(t, b.front, zmtp.Push)
	vent.Send(zmtptest.Join(zmtptest.Message("a"), zmtptest.Message("b"), zmtptest.Message("c")))
	b.wantCaptured(t, false, []string{"a"}) // it waits for a worker
	closed := make(chan error, 1)
	go func() { closed <- b.Close(testkit.Within(t)) }()
	if m, err := vent.Next(); err == nil {
		t.Errorf("the ventilator got %q, want the end of its connection", m)
	}
	worker := b.join(t, b.back, zmtp.Pull)
	for _, want := range []string{"a", "b", "c"} {
		wantMessage(t, worker, want)
	}
	if err := testkit.Receive(t, closed, "the end of Close"); err != nil {
		t.Error(err)
	}
	b.wantStats(t, Stats{ToBack: 3})
}

// TestPushPullCloseGivesUp: when the context of Close ends, tasks are given up
// and Close says so.
func TestPushPullCloseGivesUp(t *testing.T) {
	b := start(t, NewPushPull, nil)
	vent := b.join(t, b.front, zmtp.Push)
	vent.Send(zmtptest.Message("nobody does it"))
	b.wantCaptured(t, false, []string{"nobody does it"})
	if err := b.Close(ended()); !errors.Is(err, ErrLeft) {
		t.Errorf("Close returned %v, want %v", err, ErrLeft)
	}
	b.wantStats(t, Stats{Dropped: 1})
}
