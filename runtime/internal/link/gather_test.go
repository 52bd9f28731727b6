package link

import (
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// gather commits message n of size bytes to c.
func (g *Gathered) gather(t *testing.T, c *Conn, n, size int) {
	t.Helper()
	b, err := c.Begin()
	if err != nil {
		t.Fatal(err)
	}
	g.Commit(c, numbered(b, 0, n, size))
}

// TestGathered checks that nothing leaves before Write, or before WriteDue when
// much waits, and that everything leaves then.
func TestGathered(t *testing.T) {
	tests := []struct {
		name        string
		queue, size int
		due         int // the first message that is due
	}{
		{"bytes", 1000, 10000, corkBytes/10000 + 1},
		{"half of the queue", 20, 10, 10},
		{"a queue of one", 1, 10, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(zmtp.Router, newRecorder())
			cfg.SendQueue = tt.queue
			c, p := accepted(t, cfg, "tcp://127.0.0.1:*")
			var g Gathered
			for n := range tt.due {
				if g.WriteDue(); n > 0 && c.QueuedMessages() != n {
					t.Fatalf("%d of %d messages wait", c.QueuedMessages(), n)
				}
				g.gather(t, c, n, tt.size)
			}
			g.WriteDue()
			if g.Write() {
				t.Error("something was left behind a write that was due")
			}
			testkit.Receive(t, c.Flushed(), "the end of the write")
			g.gather(t, c, tt.due, 10)
			if !g.Write() {
				t.Error("Write had nothing to write")
			}
			for n := range tt.due + 1 {
				if _, got, err := unnumber(p.Message()); err != nil || got != n {
					t.Fatalf("got %d, %v, want %d", got, err, n)
				}
			}
		})
	}
}

// TestGatheredWithOthers checks that what is held back for a connection leaves with
// what others write, and not again.
func TestGatheredWithOthers(t *testing.T) {
	c, p := accepted(t, testConfig(zmtp.Router, newRecorder()), "tcp://127.0.0.1:*")
	var g, other Gathered
	g.gather(t, c, 0, 10)
	other.gather(t, c, 1, 10)
	if other.Write() {
		t.Error("a connection that another one writes to was written to")
	}
	b, err := c.Begin()
	if err != nil {
		t.Fatal(err)
	}
	c.Commit(numbered(b, 0, 2, 10))
	for n := range 3 {
		if _, got, err := unnumber(p.Message()); err != nil || got != n {
			t.Fatalf("got %d, %v, want %d", got, err, n)
		}
	}
	g.Write()
	testkit.Receive(t, c.Flushed(), "the end of the write")
}

// TestGatheredMany checks that Write writes to many connections, and that one
// that has ended does not hold up the others.
func TestGatheredMany(t *testing.T) {
	var g Gathered
	type pair struct {
		c *Conn
		p interface{ Message() [][]byte }
	}
	var pairs []pair
	for range gatheredOwn + 3 {
		c, p := accepted(t, testConfig(zmtp.Router, newRecorder()), "tcp://127.0.0.1:*")
		pairs = append(pairs, pair{c, p})
		g.gather(t, c, 0, 10)
	}
	pairs[0].c.Close(ErrClosed)
	g.Write()
	for _, pair := range pairs[1:] {
		if _, got, err := unnumber(pair.p.Message()); err != nil || got != 0 {
			t.Errorf("got %d, %v, want 0", got, err)
		}
	}
}
