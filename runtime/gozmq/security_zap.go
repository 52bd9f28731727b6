package gozmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ZAP asks a ZAP handler (RFC 27), such as CZMQ's zauth or pyzmq's zmq.auth,
// to decide on peers. The handler is a REP or ROUTER socket; it must bind an
// endpoint that this process can reach, beside its usual inproc one. Its
// methods may be called from any goroutine.
type ZAP struct {
	conn   *Conn
	number atomic.Uint64
}

// NewZAP connects to a handler, in the background: NewZAP(Connect("ipc://…")).
// Whoever can pose as the handler decides on every peer: use ipc, or
// WithSecurity. Close must be called, after the sockets that use it.
func NewZAP(opts ...DialOption) (*ZAP, error) {
	conn, err := Dial(opts...)
	if err != nil {
		return nil, fmt.Errorf("zap: %w", err)
	}
	return &ZAP{conn: conn}, nil
}

// Close closes the connection to the handler. No peer is admitted from then on.
func (z *ZAP) Close() error { return z.conn.Close() }

// Authenticate asks the handler to decide (Authenticator). The handler's user
// id becomes the identity's name, and its metadata the identity's. It fails
// with CodeUnavailable for status 300 and 500 and when no answer comes: the
// peer may try again.
func (z *ZAP) Authenticate(ctx context.Context, r *AuthRequest) (*AuthIdentity, error) {
	x := &zapExchange{request: r, number: strconv.FormatUint(z.number.Add(1), 10)}
	if err := z.conn.dealer.Do(ctx, x, z.conn.ready); err != nil {
		return nil, Errorf(CodeUnavailable, "ask the ZAP handler: %w", err)
	}
	return x.identity, x.err
}

// A zapExchange is one request to a handler, as a socket.Exchange.
type zapExchange struct {
	request  *AuthRequest
	number   string
	identity *AuthIdentity
	err      error
}

var _ socket.Exchange = (*zapExchange)(nil)

// AppendRequest appends the frames behind the envelope (socket.Exchange).
func (x *zapExchange) AppendRequest(b []byte) ([]byte, error) {
	r := x.request
	address, _, err := net.SplitHostPort(r.Address)
	if err != nil {
		address = r.Address
	}
	z := wire.ZAPRequest{ID: x.number, Domain: r.Domain, Address: address, RoutingID: r.Metadata["Identity"], Mechanism: string(r.Mechanism)}
	switch r.Mechanism {
	case MechanismCurve:
		z.Credentials = []string{string(r.PublicKey[:])}
	case MechanismPlain:
		z.Credentials = []string{r.User, r.Password}
	}
	b, err = wire.AppendZAPRequest(b, z)
	return b, inputError(err)
}

// Deliver takes the handler's answer.
func (x *zapExchange) Deliver(frames [][]byte) { x.identity, x.err = x.decode(frames) }

// TooLarge takes that the reply was not read (socket.Exchange).
func (x *zapExchange) TooLarge(err *zmtp.SizeError) {
	x.err = Errorf(CodeUnavailable, "the ZAP handler's answer: %w", err)
}

func (x *zapExchange) decode(frames [][]byte) (*AuthIdentity, error) {
	r, err := wire.ParseZAPReply(frames, x.number)
	if err != nil {
		return nil, Errorf(CodeUnavailable, "%w", err)
	}
	switch r.Status {
	case "200":
	case "400":
		return nil, fmt.Errorf("the ZAP handler says %.255q", r.Text)
	default:
		return nil, Errorf(CodeUnavailable, "the ZAP handler could not decide: %.3s %.255q", r.Status, r.Text)
	}
	metadata, err := zmtp.ParseMetadata(r.Metadata)
	if err != nil {
		return nil, errors.Join(errors.New("the ZAP handler's answer"), err)
	}
	id := &AuthIdentity{Name: r.User}
	for _, p := range metadata {
		if id.Metadata == nil {
			id.Metadata = make(map[string]string, len(metadata))
		}
		id.Metadata[p.Name] = p.Value
	}
	return id, nil
}
