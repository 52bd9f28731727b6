package socket

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// An askedContext tells when it is waited for.
type askedContext struct {
	context.Context
	asked chan struct{}
}

func (c askedContext) Done() <-chan struct{} {
	c.asked <- struct{}{}
	return c.Context.Done()
}

// TestPushFlushFollows has a peer go while Flush waits for it: what it leaves is
// with another one then, and Flush waits for that.
func TestPushFlushFollows(t *testing.T) {
	p, peers := pushing(t, pushConfig(), "inproc://push-flush-follows", 2)
	p.mu.Lock()
	conns := slices.Clone(p.peers)
	p.mu.Unlock()
	for n := range 40 { // more than the pipe holds, to the second
		b, err := conns[1].Begin()
		if err == nil {
			if b, err = appendTo(conns[1], b, parcel{number: n, size: 5000}); err == nil {
				conns[1].CommitLater(b)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	asked, flushed := make(chan struct{}, 100), make(chan error, 1)
	go func() { flushed <- p.Flush(askedContext{testkit.Within(t), asked}) }()
	testkit.Receive(t, asked, "a look at the queue") // it has looked at the first,
	testkit.Receive(t, asked, "a look at the queue") // and waits for the second
	func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		conns[1].Close(errKilled)
		testkit.Receive(t, conns[1].Flushed(), "the last flush")
		p.reap(conns[1])
		p.reassign()
	}()
	select {
	case err := <-flushed:
		t.Fatalf("Flush returned %v with %d messages queued", err, p.Queued())
	case <-asked: // it looks again
	case <-time.After(testkit.Patience()):
		t.Fatal("Flush does not look again")
	}
	for _, peer := range peers {
		go func() {
			for nextOf(peer) != nil {
			}
		}()
	}
	if err := testkit.Receive(t, flushed, "the end of Flush"); err != nil || p.Queued() > 0 {
		t.Errorf("Flush: %v, with %d messages queued", err, p.Queued())
	}
}
