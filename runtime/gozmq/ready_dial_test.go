package gozmq

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// Who waits for a peer has it dialed now, however long the pause is.
func TestWaitDials(t *testing.T) {
	type dialing interface {
		Close() error
	}
	for name, x := range map[string]struct {
		peer  zmtp.SocketType
		first []string // what the peer says
		open  func(e Endpoints, pause, events SocketOption) (dialing, error)
		wait  func(d dialing, ctx context.Context) error
	}{
		"servers": {zmtp.Router, nil,
			func(e Endpoints, p, ev SocketOption) (dialing, error) { return Dial(e, p, ev) },
			func(d dialing, ctx context.Context) error { return d.(*Conn).WaitForServers(ctx, 1) }},
		"subscribers": {zmtp.Sub, []string{"\x01"},
			func(e Endpoints, p, ev SocketOption) (dialing, error) { return NewPublisher(e, p, ev) },
			func(d dialing, ctx context.Context) error { return d.(*Publisher).WaitForSubscribers(ctx, "a", 1) }},
		"workers": {zmtp.Pull, nil,
			func(e Endpoints, p, ev SocketOption) (dialing, error) { return NewVentilator(e, p, ev) },
			func(d dialing, ctx context.Context) error { return d.(*Ventilator).WaitForWorkers(ctx, 1) }},
		"sure workers": {zmtp.Dealer, []string{string(wire.VerbCredit), "1"},
			func(e Endpoints, p, ev SocketOption) (dialing, error) {
				return NewVentilator(DeliveryAtLeastOnce, e, p, ev)
			},
			func(d dialing, ctx context.Context) error { return d.(*Ventilator).WaitForWorkers(ctx, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			address := closedPort(t)
			events := newRecorder()
			d, err := x.open(Connect(address), WithReconnectBackoff(time.Hour, time.Hour), events.option())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			events.wait(t, EventDialFailed, 1)
			ln := zmtptest.ListenOn(t, strings.TrimPrefix(address, "tcp://"))
			waited := make(chan error, 1)
			go func() { waited <- x.wait(d, testkit.Within(t)) }()
			raw := &rawPeer{ln.NextAs(x.peer), t}
			if x.first != nil {
				raw.send(x.first...)
			}
			if err := testkit.Receive(t, waited, "the end of the wait"); err != nil {
				t.Error(err)
			}
			raw.Conn.Close()
		})
	}
}
