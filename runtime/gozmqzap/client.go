package gozmqzap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Client asks a ZAP handler to decide on peers: its method Authenticate is a
// gozmq.Authenticator. Its methods may be called from any goroutine.
type Client struct {
	conn   *gozmq.Conn
	number atomic.Uint64
}

// Dial connects to a handler, in the background: Dial(gozmq.Connect("ipc://…")).
// Whoever can pose as the handler decides on every peer: use ipc, or
// gozmq.WithSecurity. Close must be called, after the sockets that use it.
func Dial(opts ...gozmq.DialOption) (*Client, error) {
	conn, err := gozmq.Dial(opts...)
	if err != nil {
		return nil, fmt.Errorf("zap: %w", err)
	}
	return &Client{conn: conn}, nil
}

// Close closes the connection to the handler. No peer is admitted from then on.
func (c *Client) Close() error { return c.conn.Close() }

// Authenticate asks the handler to decide (gozmq.Authenticator). The handler's user
// id becomes the identity's name, and its metadata the identity's. It fails
// with gozmq.CodeUnavailable for status 300 and 500 and when no answer comes: the
// peer may try again.
func (c *Client) Authenticate(ctx context.Context, r *gozmq.AuthRequest) (*gozmq.AuthIdentity, error) {
	x := &exchange{request: r, number: strconv.FormatUint(c.number.Add(1), 10)}
	if err := bridge.Open(c.conn).Do(ctx, x); err != nil {
		return nil, gozmq.Errorf(gozmq.CodeUnavailable, "ask the ZAP handler: %w", err)
	}
	return x.identity, x.err
}

// An exchange is one request to a handler, as a socket.Exchange.
type exchange struct {
	request  *gozmq.AuthRequest
	number   string
	identity *gozmq.AuthIdentity
	err      error
}

var _ socket.Exchange = (*exchange)(nil)

// AppendRequest appends the frames behind the envelope (socket.Exchange).
func (x *exchange) AppendRequest(b []byte) ([]byte, error) {
	r := x.request
	address, _, err := net.SplitHostPort(r.Address)
	if err != nil {
		address = r.Address
	}
	z := wire.ZAPRequest{ID: x.number, Domain: r.Domain, Address: address, RoutingID: r.Metadata["Identity"], Mechanism: string(r.Mechanism)}
	switch r.Mechanism {
	case gozmq.MechanismCurve:
		z.Credentials = []string{string(r.PublicKey[:])}
	case gozmq.MechanismPlain:
		z.Credentials = []string{r.User, r.Password}
	}
	return wire.AppendZAPRequest(b, z)
}

// Deliver takes the handler's answer.
func (x *exchange) Deliver(frames [][]byte) { x.identity, x.err = x.decode(frames) }

// TooLarge takes that the reply was not read (socket.Exchange).
func (x *exchange) TooLarge(err *zmtp.SizeError) {
	x.err = gozmq.Errorf(gozmq.CodeUnavailable, "the ZAP handler's answer: %w", err)
}

func (x *exchange) decode(frames [][]byte) (*gozmq.AuthIdentity, error) {
	r, err := wire.ParseZAPReply(frames, x.number)
	if err != nil {
		return nil, gozmq.Errorf(gozmq.CodeUnavailable, "%w", err)
	}
	switch r.Status {
	case "200":
	case "400":
		return nil, fmt.Errorf("the ZAP handler says %.255q", r.Text)
	default:
		return nil, gozmq.Errorf(gozmq.CodeUnavailable, "the ZAP handler could not decide: %.3s %.255q", r.Status, r.Text)
	}
	metadata, err := zmtp.ParseMetadata(r.Metadata)
	if err != nil {
		return nil, errors.Join(errors.New("the ZAP handler's answer"), err)
	}
	id := &gozmq.AuthIdentity{Name: r.User}
	for _, p := range metadata {
		if id.Metadata == nil {
			id.Metadata = make(map[string]string, len(metadata))
		}
		id.Metadata[p.Name] = p.Value
	}
	return id, nil
}
