package gozmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ZAP asks a ZAP handler (RFC 27), as CZMQ's zauth and pyzmq's zmq.auth, to
// decide on peers. The handler is a REP or ROUTER socket; it has to bind an
// endpoint that can be reached, beside its usual inproc one. Its methods may be
// called from any goroutine.
type ZAP struct {
	conn   *Conn
	number atomic.Uint64
}

// NewZAP connects to a handler, in the background: NewZAP(Connect("ipc://…")).
// Whoever can pose as the handler decides on everyone: use ipc, or WithSecurity.
// Close must be called, after the sockets that use it.
func NewZAP(opts ...DialOption) (*ZAP, error) {
	conn, err := Dial(opts...)
	if err != nil {
		return nil, fmt.Errorf("zap: %w", err)
	}
	return &ZAP{conn: conn}, nil
}

// Close closes the connection to the handler; nobody gets in any more.
func (z *ZAP) Close() error { return z.conn.Close() }

// Authenticate has the handler decide (Authenticator). Its user id is the
// identity's name, its metadata the identity's. Status 300 and 500, and no
// answer, are CodeUnavailable: the peer may try again.
func (z *ZAP) Authenticate(ctx context.Context, r *AuthRequest) (*AuthIdentity, error) {
	x := &zapExchange{request: r, number: strconv.FormatUint(z.number.Add(1), 10)}
	if err := z.conn.dealer.Do(ctx, x, z.conn.ready); err != nil {
		return nil, Errorf(CodeUnavailable, "ask the ZAP handler: %w", err)
	}
	return x.identity, x.err
}

const zapVersion = "1.0"

// A zapExchange is one request to a handler, as a socket.Exchange.
type zapExchange struct {
	request  *AuthRequest
	number   string
	identity *AuthIdentity
	err      error
}

var _ socket.Exchange = (*zapExchange)(nil)

// AppendRequest appends version, request id, domain, address, identity,
// mechanism and credentials.
func (x *zapExchange) AppendRequest(b []byte) ([]byte, error) {
	r := x.request
	address, _, err := net.SplitHostPort(r.Address)
	if err != nil {
		address = r.Address
	}
	frames := []string{zapVersion, x.number, r.Domain, address, r.Metadata["Identity"], r.Mechanism}
	switch r.Mechanism {
	case MechanismCurve:
		frames = append(frames, string(r.PublicKey[:]))
	case MechanismPlain:
		frames = append(frames, r.User, r.Password)
	}
	for i, frame := range frames {
		if len(frame) > maxZapFrame {
			return b, Errorf(CodeInvalidArgument, "a ZAP frame of %d bytes, at most %d are allowed", len(frame), maxZapFrame)
		}
		flags := byte(zmtp.FlagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = zmtp.AppendFrameString(b, flags, frame)
	}
	return b, nil
}

// maxZapFrame is the longest that any of a request's frames may be, in bytes.
const maxZapFrame = 255

// Deliver takes the handler's answer.
func (x *zapExchange) Deliver(frames [][]byte) { x.identity, x.err = x.decode(frames) }

// TooLarge takes that the reply was not read (socket.Exchange).
func (x *zapExchange) TooLarge(err *zmtp.SizeError) {
	x.err = Errorf(CodeUnavailable, "the ZAP handler's answer: %w", err)
}

func (x *zapExchange) decode(frames [][]byte) (*AuthIdentity, error) {
	if len(frames) != 6 || string(frames[0]) != zapVersion || string(frames[1]) != x.number {
		return nil, Errorf(CodeUnavailable, "the ZAP handler's answer of %d frames is none to this request", len(frames))
	}
	status, text := string(frames[2]), string(frames[3])
	switch status {
	case "200":
	case "400":
		return nil, fmt.Errorf("the ZAP handler says %.255q", text)
	default:
		return nil, Errorf(CodeUnavailable, "the ZAP handler could not decide: %.3s %.255q", status, text)
	}
	metadata, err := zmtp.ParseMetadata(frames[5])
	if err != nil {
		return nil, errors.Join(errors.New("the ZAP handler's answer"), err)
	}
	id := &AuthIdentity{Name: string(frames[4])}
	for _, p := range metadata {
		if id.Metadata == nil {
			id.Metadata = make(map[string]string, len(metadata))
		}
		id.Metadata[p.Name] = p.Value
	}
	return id, nil
}
