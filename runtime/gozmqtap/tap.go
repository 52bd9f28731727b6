// Package gozmqtap inspects ZMTP connections from outside. A Tap connects two ends
// as a man in the middle and reports the traffic between them: greetings, commands,
// and the frames of calls, publications and tasks with their headers decoded. Probe
// dials an endpoint and returns a report on the peer. The peers may be plain ZeroMQ
// sockets. Package gozmqtap decrypts nothing: for a CURVE connection it reports the
// handshake and the sizes of later messages.
package gozmqtap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// connectTimeout bounds the time for which a Tap dials its target.
const connectTimeout = 10 * time.Second

// A Tap is an endpoint that passes every connection on to another endpoint,
// byte by byte, and reports what passes. Listen makes it.
type Tap struct {
	listener *transport.Listener
}

// Listen binds an endpoint, such as "tcp://127.0.0.1:0" or "ipc:///run/tap.sock".
// The caller must call Serve or Close.
func Listen(endpoint string) (*Tap, error) {
	at, err := transport.ParseBind(endpoint)
	if err != nil {
		return nil, err
	}
	l, err := at.Listen()
	if err != nil {
		return nil, err
	}
	return &Tap{l}, nil
}

// Addr returns the endpoint that was bound, with its port filled in.
func (t *Tap) Addr() string { return t.listener.Endpoint().String() }

// Close frees the endpoint, and ends Serve once its connections have ended.
func (t *Tap) Close() error { return t.listener.Close() }

// Serve connects every peer that dials the tap to target, and calls report with
// each event before it passes the bytes on. report is called by one goroutine at a
// time; while it runs, no bytes pass. Serve returns nil when ctx has ended, after
// it has closed the tap and its connections, and an error when the tap can accept
// no more connections.
func (t *Tap) Serve(ctx context.Context, target string, report func(*Event)) error {
	to, err := transport.ParseConnect(target)
	if err != nil {
		return errors.Join(err, t.Close())
	}
	s := &session{to: to, report: report}
	ctx, cancel := context.WithCancel(ctx)
	defer s.running.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { t.Close() })
	defer stop()
	for {
		conn, err := t.listener.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				conn.Close()
			}
			return nil
		case err == nil:
			s.number++
			n := s.number
			s.running.Go(func() { s.serve(ctx, n, conn) })
		case !transport.IsTemporaryAccept(err):
			return fmt.Errorf("accept: %w", errors.Join(err, t.Close()))
		default:
			pause(ctx)
		}
	}
}

// pause waits for a moment, for the system to have descriptors again.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
}

// A session is one run of Serve.
type session struct {
	to      transport.Endpoint
	running sync.WaitGroup
	number  int // of the last connection

	mu     sync.Mutex // held while report runs
	report func(*Event)
}

func (s *session) emit(e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report(e)
}

// serve passes one connection on, until either side or ctx ends it.
func (s *session) serve(ctx context.Context, number int, dialer net.Conn) {
	defer dialer.Close()
	d := NewDecoder(number, s.emit)
	d.note(KindOpened, SideDialer, addressOf(dialer), nil)
	dialing, cancel := context.WithTimeout(ctx, connectTimeout)
	listener, err := s.to.Dial(dialing)
	cancel()
	if err != nil {
		d.note(KindClosed, SideListener, "", fmt.Errorf("dial %v: %w", s.to, err))
		return
	}
	defer listener.Close()
	stop := context.AfterFunc(ctx, func() { dialer.Close(); listener.Close() })
	defer stop()
	var back sync.WaitGroup
	back.Go(func() { pass(d, SideListener, listener, dialer) })
	pass(d, SideDialer, dialer, listener)
	back.Wait()
}

// pass passes on the bytes of one side until its end. The other side then sees the
// end, and its later bytes are passed on until it ends, too.
func pass(d *Decoder, side Side, from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		d.Write(side, buf[:n])
		_, failed := to.Write(buf[:n])
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
			d.note(KindClosed, side, "", nil)
			finish(to)
			return
		case err != nil || failed != nil:
			d.note(KindClosed, side, "", err)
			from.Close()
			to.Close()
			return
		}
	}
}

// finish closes the direction to a side.
func finish(to net.Conn) {
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	to.Close()
}

func addressOf(c net.Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return a.String()
	}
	return ""
}
