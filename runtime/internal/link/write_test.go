package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// numbered is a message of three frames that tells who sent it as which one,
// and whose bytes can be checked.
func numbered(b []byte, sender, number, size int) []byte {
	var head [8]byte
	binary.BigEndian.PutUint32(head[:], uint32(sender))
	binary.BigEndian.PutUint32(head[4:], uint32(number))
	b = zmtp.AppendFrame(b, zmtp.FlagMore, head[:])
	b = zmtp.AppendFrame(b, zmtp.FlagMore, nil)
	b = zmtp.AppendHeader(b, 0, size)
	for i := range size {
		b = append(b, byte(sender+number+i))
	}
	return b
}

// unnumber checks a message that numbered made and returns its numbers.
func unnumber(frames [][]byte) (sender, number int, err error) {
	if len(frames) != 3 || len(frames[0]) != 8 || len(frames[1]) != 0 {
		return 0, 0, fmt.Errorf("frames %.40q", frames)
	}
	sender = int(binary.BigEndian.Uint32(frames[0]))
	number = int(binary.BigEndian.Uint32(frames[0][4:]))
	for i, c := range frames[2] {
		if c != byte(sender+number+i) {
			return 0, 0, fmt.Errorf("message %d of sender %d is damaged at %d", number, sender, i)
		}
	}
	return sender, number, nil
}

var networks = []string{"tcp://127.0.0.1:*", "ipc://*", "inproc://link-test"}

// accepted returns a connection of a group on network, as served, with the raw
// peer at its other end. The handler does not read.
func accepted(t *testing.T, cfg Config, network string) (*Conn, *zmtptest.Peer) {
	t.Helper()
	conns := make(chan *Conn, 1)
	_, ep := boundTo(t, cfg, handlerFunc(func(c *Conn) error {
		conns <- c
		<-c.Closed()
		return c.Err()
	}), network)
	p := zmtptest.DialAs(t, ep, "DEALER")
	return testkit.Receive(t, conns, "a connection"), p
}

// TestConcurrentWriters has many goroutines write at once: messages stay
// whole, and in order for each goroutine.
func TestConcurrentWriters(t *testing.T) {
	const writers, each = 16, 300
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			c, p := accepted(t, testConfig(zmtp.Router, newRecorder()), network)
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					var g Gathered
					defer g.Write()
					for n := range each {
						b, err := c.BeginForced()
						if err != nil {
							t.Error(err)
							return
						}
						size := n % 40
						if n%97 == 0 {
							size = 70000
						}
						b = numbered(b, w, n, size)
						switch {
						case n%50 == 7:
							c.Abort()
							b, _ = c.BeginForced()
							c.Commit(numbered(b, w, n, size))
						case n%3 == 0:
							c.CommitLater(b)
						case n%4 == 0:
							g.Commit(c, b)
							g.WriteDue()
						default:
							c.Commit(b)
						}
						if n%60 == 5 {
							c.Cork()
							c.Uncork()
						}
					}
				})
			}
			var next [writers]int
			for range writers * each {
				w, n, err := unnumber(p.Message())
				if err != nil || next[w] != n {
					t.Fatalf("message %d of writer %d, %v, want %d", n, w, err, next[w])
				}
				next[w]++
			}
			wg.Wait()
			<-c.Flushed()
		})
	}
}

// A group may write to a connection, as with a GOODBYE, and fail before its handler
// has begun.
func TestOnWritableBesideWrites(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			conns, begin := make(chan *Conn, 1), make(chan struct{})
			_, ep := boundTo(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(func(c *Conn) error {
				conns <- c
				<-begin
				for c.Err() == nil {
					c.OnWritable(func() {})
				}
				return c.Err()
			}), network)
			p := zmtptest.DialAs(t, ep, "DEALER")
			c := testkit.Receive(t, conns, "a connection")
			p.Close()
			close(begin)
			for failed := false; !failed; {
				b, err := c.BeginForced()
				if failed = err != nil; !failed {
					c.Commit(numbered(b, 0, 0, 100))
				}
			}
			c.Close(ErrClosed)
			<-c.Flushed()
		})
	}
}

// TestStalledPeer checks that writing to a peer that does not read never
// waits, ends in ErrFull at either high-water mark, and goes on when the peer
// reads again.
func TestStalledPeer(t *testing.T) {
	tests := []struct {
		name            string
		messages, bytes int
		size            int
		later           bool
	}{
		{"messages", 50, 1 << 30, 40000, false},
		{"one message", 1, 1 << 30, 40000, false},
		{"bytes", 1 << 30, 1 << 20, 9000, false},
		{"one-way", 50, 1 << 30, 40000, true},
	}
	for _, network := range networks {
		for _, tt := range tests {
			t.Run(network+"/"+tt.name, func(t *testing.T) {
				cfg := testConfig(zmtp.Router, newRecorder())
				cfg.SendQueue, cfg.SendQueueBytes = tt.messages, tt.bytes
				room := make(chan struct{}, 1000)
				conns := make(chan *Conn, 1)
				_, ep := boundTo(t, cfg, handlerFunc(func(c *Conn) error {
					c.OnWritable(func() { room <- struct{}{} })
					conns <- c
					<-c.Closed()
					return c.Err()
				}), network)
				p := zmtptest.DialAs(t, ep, "DEALER")
				c := testkit.Receive(t, conns, "a connection")
				sent := 0
				fill := func() {
					for {
						b, err := c.Begin()
						if errors.Is(err, ErrFull) {
							return
						}
						if err != nil {
							t.Fatal(err)
						}
						b = numbered(b, 0, sent, tt.size)
						if sent++; tt.later {
							c.CommitLater(b)
						} else {
							c.Commit(b)
						}
					}
				}
				fill()
				if held := c.held(); held > tt.bytes+tt.size+100 {
					t.Errorf("%d bytes are held, the high-water mark is %d", held, tt.bytes)
				}
				got := 0
				for round := range 3 {
					before := sent
					for sent < before+3 { // until there was room
						if _, n, err := unnumber(p.Message()); err != nil || n != got {
							t.Fatalf("got message %d, %v, want %d", n, err, got)
						}
						if got++; got == sent {
							testkit.Receive(t, room, "room in the queue")
							fill()
						}
						select {
						case <-room:
							fill()
						default:
						}
					}
					if round == 2 {
						break
					}
				}
				for ; got < sent; got++ {
					if _, n, err := unnumber(p.Message()); err != nil || n != got {
						t.Fatalf("got message %d, %v, want %d", n, err, got)
					}
				}
			})
		}
	}
}

// held returns how many bytes wait to be written.
func (c *Conn) held() int {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.writer.bytes
}

// TestCork checks that nothing leaves before the last Uncork.
func TestCork(t *testing.T) {
	c, p := accepted(t, testConfig(zmtp.Router, newRecorder()), "tcp://127.0.0.1:*")
	c.Cork()
	c.Cork()
	for n := range 10 {
		b, err := c.Begin()
		if err != nil {
			t.Fatal(err)
		}
		c.Commit(numbered(b, 0, n, 10))
	}
	c.Uncork()
	flushed := c.Flushed()
	select {
	case <-flushed:
		t.Error("something was written before the last Uncork")
	default:
	}
	if held := c.held(); held != 10*(2+8+2+2+10) {
		t.Errorf("%d bytes are held", held)
	}
	c.Uncork()
	testkit.Receive(t, flushed, "the end of Flush")
	for n := range 10 {
		if _, got, err := unnumber(p.Message()); err != nil || got != n {
			t.Fatalf("got %d, %v, want %d", got, err, n)
		}
	}
	c.Cork()
	c.Uncork() // nothing to write
	testkit.Receive(t, c.Flushed(), "the last flush")
}

// TestCommandsTakeNoPlace: the queue's limit is one of messages, which a PING that
// waits too does not lower. A full queue takes no further PING.
func TestCommandsTakeNoPlace(t *testing.T) {
	const limit = 3
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.SendQueue = limit
	c, p := accepted(t, cfg, "tcp://127.0.0.1:*")
	c.Cork()
	c.ping()
	ping := c.held()
	for n := range limit {
		b, err := c.Begin()
		if err != nil {
			t.Fatalf("message %d behind a PING: %v", n, err)
		}
		c.Commit(numbered(b, 0, n, 10))
	}
	if _, err := c.Begin(); !errors.Is(err, ErrFull) {
		t.Errorf("the queue takes %d messages", limit+1)
	}
	if n := c.QueuedMessages(); n != limit {
		t.Errorf("%d messages are queued, want %d", n, limit)
	}
	before := c.held()
	c.ping()
	if held := c.held(); held != before || ping == 0 {
		t.Errorf("a full queue of %d bytes has %d after a PING of %d", before, held, ping)
	}
	c.Uncork()
	for n := range limit {
		if _, got, err := unnumber(p.Message()); err != nil || got != n {
			t.Fatalf("got %d, %v, want %d", got, err, n)
		}
	}
	testkit.Receive(t, c.Flushed(), "the last flush")
	if n := c.QueuedMessages(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

// TestWriteAfterClose checks that Begin gives the reason, whichever side
// closed.
func TestWriteAfterClose(t *testing.T) {
	c, p := accepted(t, testConfig(zmtp.Router, newRecorder()), "tcp://127.0.0.1:*")
	c.Close(text("no more"))
	c.Close(text("again"))
	if _, err := c.Begin(); err == nil || err.Error() != "no more" {
		t.Errorf("Begin: %v", err)
	}
	if _, err := c.BeginForced(); err == nil || err.Error() != "no more" {
		t.Errorf("BeginForced: %v", err)
	}
	if rest := c.Unsent(); len(rest) != 0 {
		t.Errorf("%d bytes are unsent", len(rest))
	}
	p.Drained()
}

type text string

func (e text) Error() string { return string(e) }
