package gozmq

import (
	"errors"
	"fmt"
	"io"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// The security mechanisms (RFC 23).
const (
	MechanismNull  = handshake.Null
	MechanismPlain = handshake.Plain
	MechanismCurve = handshake.Curve
)

// A Security is a mechanism in one of its two roles, with the credentials of
// this side. Give it to WithSecurity, or to Endpoints.Secured. The server's role
// is that of who authenticates the other; it may bind or connect. The zero value
// is none and fails wherever it is given. It never prints what it holds.
type Security struct {
	// A function, because fmt looks into everything else.
	get func() (*handshake.Security, error)
}

func makeSecurity(s *handshake.Security, err error) Security {
	return Security{func() (*handshake.Security, error) { return s, err }}
}

// CurveServer encrypts and authenticates with CURVE (RFC 26): clients have to
// know our public key and to prove that they own theirs, on which auth decides.
// A nil auth refuses everyone; AllowAny lets in whoever knows our public key.
func CurveServer(secret CurveSecretKey, auth Authenticator) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: secret.secret, Authenticate: auth.link()},
		checkSecret("CurveServer", secret))
}

// CurveClient encrypts with CURVE (RFC 26), and talks to a server only that owns
// that public key. secret is who we are; where the server lets everyone in, a
// new key will do.
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
// auth decides: Passwords, or an Authenticator of your own. A nil auth refuses
// everyone. PLAIN encrypts nothing: over tcp, anyone on the way reads and
// changes what passes, passwords included. The observer is warned with
// EventExposed where that goes beyond the loopback interface.
func PlainServer(auth Authenticator) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Plain, Server: true, Authenticate: auth.link()}, nil)
}

// PlainClient shows user and password, of 1 to 255 and of up to 255 bytes
// (RFC 24). It does not know to whom: PLAIN has nothing that proves a server.
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

// NullServer has auth decide on peers by their address; there is nothing else
// that NULL tells. A nil auth refuses everyone.
func NullServer(auth Authenticator) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Null, Server: true, Authenticate: auth.link()}, nil)
}

// NullClient is no security at all. It is for the one endpoint of a socket that
// is to be without, as Bind("ipc://…").Secured(NullClient()).
func NullClient() Security { return makeSecurity(&handshake.Security{Mechanism: handshake.Null}, nil) }

// WithDomain passes a name on in each AuthRequest, and to ZAP handlers (RFC 27),
// so that one authenticator can serve several sockets.
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

// WithSecurity secures all endpoints of a socket that have no security of their
// own (Endpoints.Secured). Both sides must have the same mechanism, in different
// roles. Without it sockets speak NULL and let everyone in.
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
