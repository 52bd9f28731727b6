package gozmqtest

import (
	"context"
	"fmt"
	"net"

	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// DialRaw connects to an endpoint of any transport and sends nothing, so that a
// test can act as a peer byte by byte. Like a socket, it waits for the
// endpoint, until ctx ends. The caller closes the connection.
func DialRaw(ctx context.Context, endpoint string) (net.Conn, error) {
	ep, err := transport.ParseConnect(endpoint)
	if err != nil {
		return nil, fmt.Errorf("gozmqtest.DialRaw: %w", err)
	}
	return ep.Dial(ctx)
}

// ListenRaw binds an endpoint of any transport, so that a test can answer
// connections byte by byte. It also returns the endpoint to connect to, with
// the port or the path that the system chose. The caller closes the listener.
func ListenRaw(endpoint string) (net.Listener, string, error) {
	ep, err := transport.ParseBind(endpoint)
	if err != nil {
		return nil, "", fmt.Errorf("gozmqtest.ListenRaw: %w", err)
	}
	ln, err := ep.Listen()
	if err != nil {
		return nil, "", fmt.Errorf("gozmqtest.ListenRaw: %w", err)
	}
	return ln, ln.Endpoint().String(), nil
}
