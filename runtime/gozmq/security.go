package gozmq

import (
	"errors"
	"fmt"
	"io"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A Mechanism is one of ZeroMQ's security mechanisms (RFC 23).
type Mechanism string

const (
	MechanismNull  Mechanism = "NULL"  // no security
	MechanismPlain Mechanism = "PLAIN" // a user and a password, in clear text
	MechanismCurve Mechanism = "CURVE" // keys and encryption: package gozmqcurve
)

// A Security is a mechanism in one of its two roles, with this side's
// credentials. The functions of this package make one for NULL and PLAIN,
// gozmqcurve.Server and gozmqcurve.Client for CURVE. Pass it to WithSecurity or
// Endpoints.Secured. The side that authenticates the other has the server's
// role; it may bind or connect. The zero value fails wherever it is given. A
// Security never prints its credentials.
type Security struct{ holdsSecurity }

type holdsSecurity = bridge.Held[bridge.Security]

func makeSecurity(s *handshake.Security, err error) Security {
	return Security{bridge.Hold[bridge.Security](func() (*handshake.Security, error) { return s, err })}
}

// PlainServer authenticates clients by user and password (RFC 24), on which
// auth decides: Passwords, or another Authenticator. A nil auth refuses
// everyone. PLAIN encrypts nothing: over tcp, anyone on the way can read and
// change all traffic, passwords included. EventExposed warns of passwords that
// leave this machine.
func PlainServer(auth Authenticator) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Plain, Server: true, Authenticate: auth.link()}, nil)
}

// PlainClient sends a user of 1 to 255 bytes and a password of up to 255 (RFC
// 24). It sends them to whoever answers: PLAIN does not authenticate the
// server.
func PlainClient(user, password string) Security {
	var err error
	switch {
	case user == "" || len(user) > handshake.MaxCredential:
		err = fmt.Errorf("PlainClient: user of %d bytes, want 1 to %d", len(user), handshake.MaxCredential)
	case len(password) > handshake.MaxCredential:
		err = fmt.Errorf("PlainClient: password of %d bytes, at most %d are allowed", len(password), handshake.MaxCredential)
	}
	return makeSecurity(&handshake.Security{Mechanism: handshake.Plain, User: user, Password: password}, err)
}

// NullServer lets auth decide on peers by their address, the only thing that
// NULL shows of them. A nil auth refuses everyone.
func NullServer(auth Authenticator) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Null, Server: true, Authenticate: auth.link()}, nil)
}

// NullClient is the absence of security. It exempts one endpoint of a secured
// socket: Bind("ipc://…").Secured(NullClient()).
func NullClient() Security { return makeSecurity(&handshake.Security{Mechanism: handshake.Null}, nil) }

// WithDomain returns s with a name that each AuthRequest and ZAP request (RFC
// 27) carries, so that one authenticator can serve several sockets.
func (s Security) WithDomain(name string) Security {
	bridge.Set(&s, bridge.Security(s.resolve).With(func(own *handshake.Security) error {
		own.Domain = name
		return nil
	}))
	return s
}

var errZeroSecurity = errors.New("zero Security: make one with gozmqcurve.Server, gozmqcurve.Client, PlainServer, PlainClient, NullServer or NullClient")

func (s Security) resolve() (*handshake.Security, error) {
	if get := bridge.Open(&s); get != nil {
		return get()
	}
	return nil, errZeroSecurity
}

// Format prints the mechanism and the role (fmt.Formatter).
func (s Security) Format(f fmt.State, _ rune) {
	own, err := s.resolve()
	role := "client"
	switch {
	case err != nil:
		_, _ = io.WriteString(f, "[security: "+err.Error()+"]")
		return
	case own.Server:
		role = "server"
	}
	_, _ = fmt.Fprintf(f, "[security: %s %s]", own.Mechanism, role)
}

// WithSecurity secures all endpoints of a socket, except those for which
// Endpoints.Secured sets another security. Both sides must use the same
// mechanism, in different roles. Without WithSecurity a socket speaks NULL and
// admits everyone.
func WithSecurity(s Security) SocketOption {
	return socketOption(func(c *socketConfig) {
		own, err := s.resolve()
		if err == nil && c.Security != nil {
			err = errors.New("given twice; for endpoints that differ use Endpoints.Secured")
		}
		if err != nil {
			c.errs = append(c.errs, fmt.Errorf("WithSecurity: %w", err))
		}
		c.Security = own
	})
}

// WithAdmission calls f to decide whether a peer that connects to one of our
// endpoints is admitted, after the handshake has shown who it is: a worker at a
// ventilator, a ventilator or worker at a sink, any peer of any socket. An
// error or a panic refuses the peer, which learns that it was refused, but not
// why, and dials again after a long pause; the event handler gets the error
// (EventAuthFailed). f is called from many goroutines at once and must return
// soon.
func WithAdmission(f func(*Peer) error) SocketOption {
	return socketOption(func(c *socketConfig) {
		c.Admit = func(p *handshake.Peer, endpoint, address string) error { return f(newPeer(p, endpoint, address)) }
		if f == nil {
			c.errs = append(c.errs, errors.New("WithAdmission: the function is nil"))
		}
	})
}

type subscriptionRule func(p *Peer, prefix []byte) error

func (o subscriptionRule) set(c *socketConfig) {
	c.Subscribe = func(conn *link.Conn, topic []byte) error { return o(peerOf(conn), topic) }
	if o == nil {
		c.errs = append(c.errs, errors.New("WithSubscriptionRule: the function is nil"))
	}
}

func (o subscriptionRule) applyPublisher(c *publisherConfig) { o.set(&c.socketConfig) }
func (o subscriptionRule) applyProxy(c *proxyConfig)         { o.set(&c.socketConfig) }

// WithSubscriptionRule calls f to decide whether a peer may subscribe to a
// prefix, that is, to all topics that begin with it; "" stands for all topics.
// An error or a panic refuses that one subscription: nothing is sent for it,
// the connection and the peer's other subscriptions stay, and the event handler
// gets the error (EventSubscriptionRefused). The peer does not learn of it,
// because PUB/SUB has no message for that. prefix is valid during the call
// only. f is called from many goroutines at once and must return soon.
func WithSubscriptionRule(f func(p *Peer, prefix []byte) error) PublishOption {
	return subscriptionRule(f)
}

// A PublicKey is a public key of CURVE (RFC 26), 32 bytes. It is comparable; the
// zero value is no key. Package gozmqcurve parses and makes keys.
type PublicKey [curve.KeySize]byte

// String returns the key in Z85 (RFC 32), 40 characters.
func (k PublicKey) String() string { return curve.Public(k).String() }

// MarshalText returns the key in Z85 (encoding.TextMarshaler).
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText parses a key of 32 bytes, or in Z85
// (encoding.TextUnmarshaler). It fails for bytes that cannot be anyone's key,
// such as the zero key, and leaves k as it was.
func (k *PublicKey) UnmarshalText(text []byte) error {
	p, err := curve.ParsePublic(string(text))
	if err == nil {
		*k = PublicKey(p)
	}
	return err
}
