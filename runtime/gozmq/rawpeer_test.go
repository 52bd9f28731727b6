package gozmq

import (
	"net"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A rawPeer speaks ZMTP by hand, to send what no proper socket would.
type rawPeer struct {
	*zmtptest.Peer
	t testing.TB
}

// dialRaw connects to a bound endpoint as a socket of that type.
func dialRaw(t testing.TB, endpoint string, as zmtp.SocketType) *rawPeer {
	t.Helper()
	ep, err := transport.ParseConnect(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return &rawPeer{zmtptest.DialAs(t, ep, as), t}
}

// listenRaw accepts one connection after the other as sockets of that type.
func listenRaw(t testing.TB, as zmtp.SocketType) (endpoint string, accept func() *rawPeer) {
	t.Helper()
	ln := zmtptest.Listen(t)
	return ln.Endpoint.String(), func() *rawPeer {
		t.Helper()
		return &rawPeer{ln.NextAs(as), t}
	}
}

// send sends one message.
func (p *rawPeer) send(frames ...string) {
	p.t.Helper()
	p.Send(zmtptest.Message(frames...))
}

// recv reads one message; commands are passed over.
func (p *rawPeer) recv() []string {
	p.t.Helper()
	frames, err := p.tryRecv()
	if err != nil {
		p.t.Fatalf("receive: %v", err)
	}
	return frames
}

func (p *rawPeer) tryRecv() ([]string, error) {
	m, err := p.Next()
	if err != nil {
		return nil, err
	}
	frames := make([]string, len(m))
	for i := range m {
		frames[i] = string(m[i])
	}
	return frames, nil
}

// wantClosed reads until the other side closes the connection.
func (p *rawPeer) wantClosed() {
	p.t.Helper()
	for {
		if _, err := p.Next(); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				p.t.Fatal("the connection was not closed")
			}
			return
		}
	}
}

// status decodes the status of a reply that has frames behind its envelope.
func (p *rawPeer) status(frames []string) *Error {
	p.t.Helper()
	if len(frames) != 2 || frames[1] != "" {
		p.t.Fatalf("reply has frames %q behind its envelope, want a status and an empty body", frames)
	}
	if frames[0] == "" {
		return nil
	}
	return parseStatus([]byte(frames[0]))
}

// dialRawOurs is dialRaw for a peer that announces our extensions.
func dialRawOurs(t testing.TB, endpoint string, as zmtp.SocketType) *rawPeer {
	t.Helper()
	ep, err := transport.ParseConnect(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return &rawPeer{zmtptest.DialAs(t, ep, as, zmtp.PropertyGozmq, "1"), t}
}

// wantCommand reads up to a command of that name and returns its body.
func (p *rawPeer) wantCommand(name string) []byte {
	p.t.Helper()
	for {
		token, command, message, err := p.Token()
		if err != nil || token == zmtp.Message {
			p.t.Fatalf("got %q, %v in place of %s", message, err, name)
		}
		got, body, err := zmtp.ParseCommand(command)
		if err != nil {
			p.t.Fatal(err)
		}
		if string(got) == name {
			return body
		}
	}
}
