package gozmq

import (
	"errors"
	"fmt"
	"io"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// A Mechanism is one of ZeroMQ's security mechanisms (RFC 23).
type Mechanism string

const (
	MechanismNull  Mechanism = "NULL"  // no security
	MechanismPlain Mechanism = "PLAIN" // a user and a password, in clear text
	MechanismCurve Mechanism = "CURVE" // keys and encryption
)

// A Security is a mechanism in one of its two roles, with this side's
// credentials. Pass it to WithSecurity or Endpoints.Secured. The side that
// authenticates the other has the server's role; it may bind or connect. The
// zero value fails wherever it is given. A Security never prints its
// credentials.
type Security struct {
	// A function, because fmt looks into everything else.
	get func() (*handshake.Security, error)
}

func makeSecurity(s *handshake.Security, err error) Security {
	return Security{func() (*handshake.Security, error) { return s, err }}
}

// CurveServer encrypts and authenticates with CURVE (RFC 26). A client must
// know our public key and prove that it owns its own; then auth decides on the
// client's key. A nil auth refuses everyone; AllowAny admits everyone who knows
// our public key.
func CurveServer(secret CurveSecretKey, auth Authenticator) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: secret.secret, Authenticate: auth.link()},
		checkSecret("CurveServer", secret))
}

// CurveClient encrypts with CURVE (RFC 26) and talks only to the owner of the
// public key server. secret identifies this client; use a new key if the server
// admits every key.
func CurveClient(secret CurveSecretKey, server CurvePublicKey) Security {
	err := checkSecret("CurveClient", secret)
	if err == nil {
		if err = curve.Public(server).Check(); err != nil {
			err = fmt.Errorf("CurveClient: the server's %w", err)
		}
	}
	return makeSecurity(&handshake.Security{Mechanism: handshake.Curve, Secret: secret.secret, ServerKey: curve.Public(server)}, err)
}

func checkSecret(role string, k CurveSecretKey) error {
	if k.secret == nil {
		return fmt.Errorf("%s: no secret key (NewCurveKey makes one, LoadCurveKey reads one)", role)
	}
	return nil
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
	own, err := s.resolve()
	if err != nil {
		return makeSecurity(nil, err)
	}
	with := *own
	with.Domain = name
	return makeSecurity(&with, nil)
}

var errZeroSecurity = errors.New("zero Security: make one with CurveServer, CurveClient, PlainServer, PlainClient, NullServer or NullClient")

func (s Security) resolve() (*handshake.Security, error) {
	if s.get == nil {
		return nil, errZeroSecurity
	}
	return s.get()
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
