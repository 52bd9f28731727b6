package link

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// credentials returns the body of PLAIN's HELLO.
func credentials(user, password string) []byte {
	return fmt.Appendf(nil, "%c%s%c%s", len(user), user, len(password), password)
}

// TestPlainMalformed sends a server of PLAIN what is no HELLO, and every part of
// one.
func TestPlainMalformed(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.Security = &handshake.Security{Mechanism: handshake.Plain, Server: true, Authenticate: func(_ context.Context, r *handshake.AuthRequest) (*handshake.Identity, error) {
		if r.User != "ada" || r.Password != "lovelace" {
			return nil, errors.New("wrong user or password")
		}
		return &handshake.Identity{Name: r.User}, nil
	}}
	_, ep := bound(t, cfg, handlerFunc(echo))
	good := credentials("ada", "lovelace")
	bodies := [][]byte{append(good[:len(good):len(good)], 0), {0, 0}, credentials("ada", "lovelac"), credentials("", "lovelace")}
	for n := range good {
		bodies = append(bodies, good[:n])
	}
	for _, body := range bodies {
		mark := events.Len()
		p := zmtptest.Dial(t, ep)
		p.Send(zmtptest.Join(zmtptest.Greeting(3, 1, handshake.Plain), zmtp.AppendCommand(nil, "HELLO", body)))
		p.Drained()
		failed(events, t, mark)
	}
	for name, rest := range map[string][]byte{
		"WELCOME":            zmtp.AppendCommand(nil, "WELCOME"),
		"READY":              zmtptest.Ready("Socket-Type", "DEALER"),
		"HELLO again":        zmtp.AppendCommand(nil, "HELLO", good),
		"an empty INITIATE":  zmtp.AppendCommand(nil, "INITIATE"),
		"INITIATE of a PUB":  zmtp.AppendCommand(nil, "INITIATE", zmtp.Metadata{{Name: "Socket-Type", Value: "PUB"}}.Append(nil)),
		"malformed metadata": zmtp.AppendCommand(nil, "INITIATE", []byte("\x0bSocket-Type\xff\xff\xff\xff")),
		"a message":          zmtptest.Message("hello"),
	} {
		mark := events.Len()
		p := zmtptest.Dial(t, ep)
		p.Send(zmtptest.Join(zmtptest.Greeting(3, 1, handshake.Plain), zmtp.AppendCommand(nil, "HELLO", good), rest))
		p.Drained()
		if e := events.await(t, mark, HandshakeFailed, 1); e.Err == nil || strings.Contains(e.Err.Error(), "lovelace") {
			t.Errorf("%s: the event says %v", name, e.Err)
		}
	}
}

// failed waits for a handshake to fail, either way.
func failed(r *recorder, t *testing.T, mark int) {
	t.Helper()
	r.Wait(t, mark, 1, "a failed handshake", func(e Event) bool { return e.Kind == HandshakeFailed || e.Kind == AuthFailed })
}

// TestGarbledError reads the ERROR that libzmq 4.3.4 sends when it refuses
// PLAIN.
func TestGarbledError(t *testing.T) {
	events := newRecorder()
	ln := zmtptest.Listen(t)
	cfg := testConfig(zmtp.Dealer, events)
	cfg.Security = &handshake.Security{Mechanism: handshake.Plain, User: "ada", Password: "Lovelace"}
	dialing(t, cfg, ln.Endpoint, func(g *Group) error { return g.Connect(ln.Endpoint) })
	p := ln.Next()
	p.Send(zmtptest.Join(zmtptest.Greeting(3, 1, handshake.Plain), []byte("\x04\x09^RROR\x03400")))
	var refused *handshake.RefusedError
	if e := events.await(t, 0, HandshakeFailed, 1); !errors.As(e.Err, &refused) || refused.Reason != "400" {
		t.Errorf("the reason is %v", e.Err)
	}
}
