package socket

import (
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestPullTurns: one goroutine has the turn at a time, and what is ready when it
// passes the turn goes to the one that waits for it.
func TestPullTurns(t *testing.T) {
	leads, leave := make(chan string, 10), make(chan struct{})
	p, _, ep := pulling(t, 10, tcp)
	p.TakeTurns(func() {
		m, ok := p.TryRecv()
		if !ok {
			t.Error("the turn came without a message")
			return
		}
		leads <- string(m.Frames[0])
		m.Release()
		<-leave
		p.PassTurn()
	})
	one, two := zmtptest.DialAs(t, ep, zmtp.Push), zmtptest.DialAs(t, ep, zmtp.Push)
	one.Send(zmtptest.Message("a"))
	if got := testkit.Receive(t, leads, "the first turn"); got != "a" {
		t.Errorf("got %q, want a", got)
	}
	two.Send(zmtptest.Message("b"))
	awaitReady(t, p, 1)
	close(leave)
	if !p.AwaitTurn() {
		t.Fatal("the turn was not passed")
	}
	if m, ok := p.TryRecv(); !ok || string(m.Frames[0]) != "b" {
		t.Errorf("got %q, %v, want b", m.Frames, ok)
	} else {
		m.Release()
	}
	if m, ok := p.TryRecv(); ok {
		t.Errorf("got %q, want nothing", m.Frames)
	}
	one.Send(zmtptest.Message("c")) // nobody has the turn
	if got := testkit.Receive(t, leads, "the next turn"); got != "c" {
		t.Errorf("got %q, want c", got)
	}
	ended := make(chan bool, 1)
	if !p.AwaitTurn() {
		t.Fatal("the turn was not passed")
	}
	if _, ok := p.TryRecv(); ok {
		t.Error("there is a message that nobody sent")
	}
	go func() { ended <- p.AwaitTurn() }()
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if testkit.Receive(t, ended, "the end") {
		t.Error("AwaitTurn returned a turn after Shutdown")
	}
}
