package link

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestMessagesInPieces sends messages of many shapes in pieces of every size
// and checks that they come whole, through Next and through NextBatch, with and
// without runs.
func TestMessagesInPieces(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var all [][][]byte
	for range 60 {
		message := make([][]byte, 1+random.IntN(4))
		for i := range message {
			message[i] = make([]byte, []int{0, 1, 100, 255, 256, 5000, 70000}[random.IntN(7)])
			for j := range message[i] {
				message[i][j] = byte(random.Uint32())
			}
		}
		all = append(all, message)
		for len(message[0]) <= 256 && random.IntN(20) > 0 { // messages that begin alike
			body := make([]byte, []int{0, 1, 64, 255, 256}[random.IntN(5)])
			all = append(all, [][]byte{message[0], body})
		}
	}
	for _, network := range networks {
		for _, mode := range []string{"", "batches", "runs"} {
			t.Run(network+" "+mode, func(t *testing.T) {
				h, inRuns := echo, 0
				if mode != "" {
					h = func(c *Conn) error { return echoBatches(c, &inRuns) }
				}
				cfg := testConfig(zmtp.Router, newRecorder())
				cfg.Runs = mode == "runs"
				_, ep := boundTo(t, cfg, handlerFunc(h), network)
				p := zmtptest.DialAs(t, ep, "DEALER")
				var wg sync.WaitGroup
				defer wg.Wait()
				var wire []byte
				for i, m := range all {
					wire = zmtptest.AppendMessage(wire, m...)
					if i%7 == 0 {
						wire = zmtp.AppendCommand(wire, "NOISE", make([]byte, i))
					}
				}
				wg.Go(func() {
					for len(wire) > 0 {
						n := min(len(wire), 1+random.IntN([]int{1, 10, 300, 100000}[random.IntN(4)]))
						if _, err := p.Write(wire[:n]); err != nil {
							t.Error(err)
							return
						}
						wire = wire[n:]
					}
				})
				for i, want := range all {
					got := p.Message()
					if !bytes.Equal(zmtptest.AppendMessage(nil, got...), zmtptest.AppendMessage(nil, want...)) {
						t.Fatalf("message %d came back with %d frames, want %d", i, len(got), len(want))
					}
				}
				if (inRuns > 0) != cfg.Runs {
					t.Errorf("%d messages came in runs", inRuns)
				}
			})
		}
	}
}

// echoBatches is echo that reads up to 20 messages at once and keeps the last batch
// until it has the next one. It counts the messages that come in runs.
func echoBatches(c *Conn, inRuns *int) error {
	var last *Batch
	for {
		b, err := c.NextBatch(20)
		if err != nil {
			return err
		}
		if n, size := b.All(); n < 1 || n > 20 || n < b.Len() || size < 0 {
			return fmt.Errorf("batch of %d messages, %d without runs, and %d bytes", n, b.Len(), size)
		}
		if last != nil {
			last.Release()
		}
		last = b
		for i := range b.Len() {
			out, err := c.BeginForced()
			if err != nil {
				return err
			}
			run, n := b.Run(i)
			*inRuns += n
			c.Commit(append(zmtptest.AppendMessage(out, b.Message(i)...), run...))
		}
	}
}

// TestManyFramesCostLittle sends a message of many small frames that together
// are large: what is allocated must not grow with the square of its size.
func TestManyFramesCostLittle(t *testing.T) {
	const frames, size = 1000, 8 << 10
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.MaxMessageSize = 2 * frames * size
	got := make(chan int, 1)
	_, ep := bound(t, cfg, handlerFunc(func(c *Conn) error {
		for {
			m, err := c.Next()
			if err != nil {
				return err
			}
			got <- len(m)
		}
	}))
	p := zmtptest.DialAs(t, ep, "DEALER")
	message := make([][]byte, frames)
	for i := range message {
		message[i] = make([]byte, size)
	}
	wire := zmtptest.AppendMessage(nil, message...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p.Send(wire)
	if n := testkit.Receive(t, got, "a message"); n != frames {
		t.Errorf("got %d frames", n)
	}
	runtime.ReadMemStats(&after)
	taken := int(after.TotalAlloc - before.TotalAlloc)
	t.Logf("%d MiB in %d frames: %d MiB were allocated", len(wire)>>20, frames, taken>>20)
	if taken > 8*len(wire) {
		t.Errorf("%d MiB were allocated for a message of %d MiB", taken>>20, len(wire)>>20)
	}
}

// TestLargeMessage sends the largest message, and one byte more.
func TestLargeMessage(t *testing.T) {
	events := newRecorder()
	_, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	p := zmtptest.DialAs(t, ep, "DEALER")
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	p.Ask(string(body))
	p.Ask("a", string(body), string(body[:envelopeRoom-10]))
	go func() { _, _ = p.Write(zmtp.AppendFrame(nil, 0, append(body, 'x'))) }()
	wantReason(t, events.await(t, 0, Disconnected, 1), "exceeds the limit")
	p.Drained()
}

// TestInterrupt interrupts a reader again and again, with Resume after each:
// nothing is lost or torn.
func TestInterrupt(t *testing.T) {
	const messages = 2000
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			conns := make(chan *Conn, 1)
			numbers := make(chan int, messages)
			interrupted := 0
			_, ep := boundTo(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(func(c *Conn) error {
				conns <- c
				for {
					frames, err := c.Next()
					if errors.Is(err, ErrInterrupted) {
						interrupted++
						c.Resume()
						continue
					}
					if err != nil {
						return err
					}
					_, n, err := unnumber(frames)
					if err != nil {
						return err
					}
					numbers <- n
				}
			}), network)
			p := zmtptest.DialAs(t, ep, "DEALER")
			c := testkit.Receive(t, conns, "a connection")
			var wg sync.WaitGroup
			wg.Go(func() {
				var wire []byte
				for n := range messages {
					wire = numbered(wire, 0, n, n%300)
				}
				for len(wire) > 0 {
					n := min(len(wire), 1+rand.IntN(500))
					if _, err := p.Write(wire[:n]); err != nil {
						t.Error(err)
						return
					}
					wire = wire[n:]
				}
			})
			wg.Go(func() {
				for range messages {
					c.Interrupt()
					runtime.Gosched()
				}
			})
			for want := range messages {
				if got := testkit.Receive(t, numbers, "a number"); got != want {
					t.Fatalf("got message %d, want %d", got, want)
				}
			}
			wg.Wait()
			p.Close()
			<-c.Closed()
			t.Logf("interrupted %d times", interrupted)
		})
	}
}

// TestInterruptStays checks that an interruption lasts until Resume, and that
// messages that have been read are given all the same.
func TestInterruptStays(t *testing.T) {
	conns, results := make(chan *Conn, 1), make(chan error)
	step := make(chan struct{})
	_, ep := bound(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(func(c *Conn) error {
		conns <- c
		for range step {
			_, err := c.Next()
			results <- err
		}
		return ErrClosed
	}))
	defer close(step)
	p := zmtptest.DialAs(t, ep, "DEALER")
	c := testkit.Receive(t, conns, "a connection")
	step <- struct{}{}
	c.Interrupt()
	if err := testkit.Receive(t, results, "a result"); !errors.Is(err, ErrInterrupted) {
		t.Errorf("Next: %v, want ErrInterrupted", err)
	}
	for range 3 {
		step <- struct{}{}
		if err := testkit.Receive(t, results, "a result"); !errors.Is(err, ErrInterrupted) {
			t.Errorf("Next before Resume: %v, want ErrInterrupted", err)
		}
	}
	c.Resume()
	p.Send(append(zmtptest.AppendMessage(nil, []byte("a")), zmtptest.AppendMessage(nil, []byte("b"))...))
	step <- struct{}{}
	if err := testkit.Receive(t, results, "a result"); err != nil {
		t.Errorf("Next after Resume: %v", err)
	}
}
