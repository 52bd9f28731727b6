package soak

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// soakStreams are streams of all kinds on the connections of soakCalls, to the same
// servers. Every message is one that was received, or is of a stream that has
// ended with CodeUnavailable.
type soakStreams struct {
	t      testing.TB
	calls  *soakCalls
	ledger *streamLedger // of both servers

	mu    sync.Mutex
	kinds map[string]*streamAccount
	heard map[string]bool // messages that came back from a server
	sent  map[string]bool // messages that a client has tried to send
}

// A streamAccount says what became of the streams of one kind.
type streamAccount struct {
	whole, failed  int
	received, lost int // messages, of those that should have come to the client or the reply
}

func newSoakStreams(t testing.TB, calls *soakCalls) *soakStreams {
	return &soakStreams{
		t: t, calls: calls, ledger: calls.streams,
		kinds: map[string]*streamAccount{"watch": {}, "upload": {}, "chat": {}},
		heard: make(map[string]bool), sent: make(map[string]bool),
	}
}

// run makes a stream of a kind and notes what became of it.
func (s *soakStreams) run(c *gozmq.Conn, kind, id string) error {
	do := map[string]func(context.Context, *gozmq.Conn, string) (int, error){"watch": s.watch, "upload": s.upload, "chat": s.chat}[kind]
	received, err := do(testkit.Within(s.t), c, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.kinds[kind]
	a.received += received
	a.lost += streamLength - received
	switch {
	case err == nil && received == streamLength:
		a.whole++
	case err == nil:
		s.t.Errorf("stream %q ended well after %d of %d messages", id, received, streamLength)
	case gozmq.CodeOf(err) != gozmq.CodeUnavailable:
		s.t.Errorf("stream %q: %v", id, err)
	}
	if err != nil {
		a.failed++
	}
	return err
}

func (s *soakStreams) note(list map[string]bool, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list[id] = true
}

// came notes a message of a server. It must be the nth of its stream.
func (s *soakStreams) came(m *text, id string, n int) {
	want := fmt.Sprint(id, "#", n)
	if m.GetValue() != want {
		s.t.Errorf("message %q came, want %q", m.GetValue(), want)
	}
	s.note(s.heard, want)
}

func (s *soakStreams) watch(ctx context.Context, c *gozmq.Conn, id string) (received int, err error) {
	for m, err := range gozmqimpl.ServerStream[text](ctx, c, watchMethod, wrapperspb.String(id)) {
		if err != nil {
			return received, err
		}
		s.came(m, id, received)
		received++
	}
	return received, nil
}

func (s *soakStreams) upload(ctx context.Context, c *gozmq.Conn, id string) (received int, err error) {
	u := gozmqimpl.ClientStream[text, number](ctx, c, uploadMethod)
	for n := range streamLength {
		m := fmt.Sprint(id, "#", n)
		s.note(s.sent, m)
		if err := u.Send(ctx, wrapperspb.String(m)); err != nil {
			return 0, err
		}
		paced(ctx)
	}
	reply, err := u.CloseAndReceive(ctx)
	return int(reply.GetValue()), err
}

func (s *soakStreams) chat(ctx context.Context, c *gozmq.Conn, id string) (received int, err error) {
	b := gozmqimpl.BidiStream[text, text](ctx, c, chatMethod)
	sent := make(chan error, 1)
	go func() { sent <- s.talk(ctx, b, id) }()
	for m, e := range b.Receive(ctx) {
		if err = e; err != nil {
			break
		}
		s.came(m, id, received)
		received++
	}
	if e := testkit.Receive(s.t, sent, "the end of the sender"); err == nil {
		err = e
	}
	return received, err
}

// talk sends the client's messages of a chat.
func (s *soakStreams) talk(ctx context.Context, b gozmq.BidiStream[text, text], id string) error {
	for n := range streamLength {
		m := fmt.Sprint(id, "#", n)
		s.note(s.sent, m)
		if err := b.Send(ctx, wrapperspb.String(m)); err != nil {
			return err
		}
		paced(ctx)
	}
	return b.CloseSend(ctx)
}

// load makes streams until ctx ends; those that have begun go on to their ends.
func (s *soakStreams) load(ctx context.Context, wg *sync.WaitGroup) {
	for i, conn := range s.calls.conns {
		for kind := range s.kinds {
			wg.Go(func() {
				for n := 0; paced(ctx); n++ {
					_ = s.run(conn, kind, fmt.Sprintf("%s %d/%d", kind, i, n))
				}
			})
		}
	}
}

// recovered checks that streams go well again, once calls do.
func (s *soakStreams) recovered() {
	for i, conn := range s.calls.conns {
		for kind := range s.kinds {
			for n := range 5 {
				if err := s.run(conn, kind, fmt.Sprintf("%s %d/end/%d", kind, i, n)); err != nil {
					s.t.Errorf("a %s at the end: %v", kind, err)
				}
			}
		}
	}
}

// report holds what the clients sent and received against what the servers did. It
// is called when the servers have ended.
func (s *soakStreams) report() {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for kind, a := range s.kinds {
		s.t.Logf("%s: %d streams whole, %d ended with UNAVAILABLE; %d messages received, %d lost with those", kind, a.whole, a.failed, a.received, a.lost)
		if a.whole == 0 {
			s.t.Errorf("no %s has gone well", kind)
		}
	}
	for id, n := range s.ledger.noted {
		if n != 1 {
			s.t.Errorf("message %q was handled %d times", id, n)
		}
		if kind := id[0]; kind != 'w' && !s.sent[id] {
			s.t.Errorf("message %q was received and never sent", id)
		}
	}
	for id := range s.heard {
		if s.ledger.noted[id] == 0 {
			s.t.Errorf("message %q came, and no server has sent it", id)
		}
	}
}
