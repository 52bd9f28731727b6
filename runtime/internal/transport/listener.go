package transport

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// A Listener accepts connections on one bound endpoint. It may be used by
// several goroutines. Endpoint.Listen makes it.
type Listener struct {
	ln       net.Listener
	endpoint Endpoint
	release  func() error // frees the name, before ln closes; may be nil

	once sync.Once
	err  error
}

// Accept waits for the next connection, which the caller owns. After Close the
// error wraps net.ErrClosed; after an error for which IsTemporaryAccept holds,
// the listener is still good; any other error is final.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.ln.Accept()
	if err != nil {
		return nil, fmt.Errorf("accept on %s: %w", l.endpoint, err)
	}
	return c, nil
}

// Close frees the endpoint and ends every Accept. Accepted connections stay
// open. Every call returns the same error.
func (l *Listener) Close() error {
	l.once.Do(func() {
		var err error
		if l.release != nil {
			err = l.release()
		}
		if err = errors.Join(err, l.ln.Close()); err != nil {
			l.err = fmt.Errorf("close %s: %w", l.endpoint, err)
		}
	})
	return l.err
}

// Endpoint returns the endpoint with its actual address: the port that the
// system chose, the address of a named interface, the path behind "ipc://*". A
// tcp host of "*" is reported as libzmq does, "tcp://0.0.0.0:5555": from the
// same machine that text can be connected to; from another one, put the
// machine's name in its place.
func (l *Listener) Endpoint() Endpoint { return l.endpoint }

// Addr returns the system's name for the bound address.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }
