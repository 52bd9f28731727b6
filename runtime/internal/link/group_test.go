package link

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestShutdownFlushes checks that what was committed reaches a peer that
// reads, and that a peer that does not read holds Shutdown up no longer than
// its context.
func TestShutdownFlushes(t *testing.T) {
	const messages = 200
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			conns := make(chan *Conn, 2)
			g, ep := boundTo(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(func(c *Conn) error {
				conns <- c
				<-c.Closed()
				return c.Err()
			}), network)
			reads, stalled := zmtptest.DialAs(t, ep, "DEALER"), zmtptest.DialAs(t, ep, "DEALER")
			for range 2 {
				c := testkit.Receive(t, conns, "a connection")
				for n := range messages {
					b, err := c.BeginForced()
					if err != nil {
						t.Fatal(err)
					}
					c.Commit(numbered(b, 0, n, 50000))
				}
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			enough := errors.New("enough")
			done := make(chan error, 1)
			go func() { done <- g.Shutdown(ctx) }()
			for n := range messages {
				if _, got, err := unnumber(reads.Message()); err != nil || got != n {
					t.Fatalf("got %d, %v, want %d", got, err, n)
				}
			}
			cancel(enough)
			if err := testkit.Receive(t, done, "the end"); !errors.Is(err, enough) {
				t.Errorf("Shutdown: %v, want the context's cause", err)
			}
			stalled.Drained()
		})
	}
}

// TestShutdownStress shuts groups down while they dial, accept, shake hands,
// read and write.
func TestShutdownStress(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			for range 10 {
				events := newRecorder()
				cfg := testConfig(zmtp.Router, events)
				cfg.HeartbeatInterval, cfg.HeartbeatTimeout = 1e6, 1e9
				talk := handlerFunc(func(c *Conn) error {
					b, err := c.Begin()
					if err != nil {
						return err
					}
					c.Commit(zmtptest.AppendMessage(b, []byte("over and over")))
					return echo(c)
				})
				server, ep := boundTo(t, cfg, talk, network)
				var clients []*Group
				var wg sync.WaitGroup
				for range 10 {
					g := NewGroup(cfg, talk)
					clients = append(clients, g)
					for range 3 {
						wg.Go(func() {
							if err := g.Connect(ep); err != nil && !errors.Is(err, ErrClosed) {
								t.Error(err)
							}
						})
					}
				}
				events.await(t, 0, Connected, 5)
				for i, g := range append(clients, server) {
					wg.Go(func() { shutdown(t, g) })
					if i%2 == 0 {
						wg.Go(func() { g.Each(func(c *Conn) { c.Close(ErrClosed) }) })
						wg.Go(func() { shutdown(t, g) })
					}
				}
				wg.Wait()
			}
		})
	}
}

// FuzzBoundSocket sends bytes to a bound socket, before and after a good
// handshake, and checks that a good peer is served after each.
func FuzzBoundSocket(f *testing.F) {
	for _, tt := range zmtptest.BadHandshakes() {
		f.Add(tt.Send, false)
	}
	for _, tt := range badTraffic {
		if len(tt.send) < 10000 {
			f.Add(tt.send, true)
		}
	}
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.Observe = nil
	g := NewGroup(cfg, handlerFunc(echo))
	f.Cleanup(func() { _ = g.Shutdown(context.Background()) })
	ep, err := transport.ParseBind("inproc://fuzz-bound")
	if err == nil {
		ep, err = g.Bind(ep)
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte, shaken bool) {
		bad := zmtptest.Dial(t, ep)
		if shaken {
			bad.Shake("DEALER")
		}
		go bad.Drained()
		for rest := in; len(rest) > 0; {
			n := min(len(rest), 1+len(rest)/3)
			if _, err := bad.Write(rest[:n]); err != nil {
				break
			}
			rest = rest[n:]
		}
		good := zmtptest.DialAs(t, ep, "DEALER")
		good.Ask("still", "", "served")
		good.Close()
		bad.Close()
	})
}
