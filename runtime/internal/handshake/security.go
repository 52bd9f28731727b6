package handshake

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/go-zeromq/zmq4"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Names of security mechanisms, as in greetings (RFC 37).
const (
	Null  = string(zmq4.NullSecurity)
	Plain = string(zmq4.PlainSecurity)
	Curve = string(zmq4.CurveSecurity)
)

// Security says how the connections of an endpoint are secured, and who may be
// at their other end. It must not be changed once in use. A nil *Security is the
// NULL mechanism, which admits every peer.
type Security struct {
	Mechanism string
	// Server is the role of this side. Only a server authenticates its peers.
	// The role does not depend on who binds and who connects.
	Server bool

	Secret    *curve.Secret // CURVE
	ServerKey curve.Public  // CURVE, client
	User      string        // PLAIN, client
	Password  string        // PLAIN, client

	Domain string // passed on in each AuthRequest
	// Authenticate decides on a peer; nil refuses all. It is called with the
	// handshake's deadline, in the handshake's goroutine, with no lock held. An
	// error, a nil Identity and a panic refuse the peer; an error that wraps
	// ErrTryLater refuses it only for now.
	Authenticate func(context.Context, *AuthRequest) (*Identity, error)
}

// Name returns the name of the mechanism.
func (s *Security) Name() string {
	if s == nil || s.Mechanism == "" {
		return Null
	}
	return s.Mechanism
}

// An AuthRequest describes a peer that a server must decide on.
type AuthRequest struct {
	Mechanism string
	Domain    string
	Address   string
	Endpoint  string        // the endpoint that was bound or dialed
	PublicKey curve.Public  // CURVE: the peer has proved to own it
	User      string        // PLAIN
	Password  string        // PLAIN
	Metadata  zmtp.Metadata // CURVE: announced by the peer
}

// who names the peer in errors. It contains no secret.
func (r *AuthRequest) who() string {
	switch r.Mechanism {
	case Curve:
		return "public key " + r.PublicKey.String()
	case Plain:
		return fmt.Sprintf("user %.64q", r.User)
	default:
		return "peer"
	}
}

// An Identity is the authenticated identity of a peer. It must not be changed once
// made.
type Identity struct {
	Name     string
	Metadata map[string]string
	Check    func() error // called again while the peer is connected; nil: never
}

// ErrTryLater is wrapped by the error of an authenticator that could not decide.
// The peer gets no ERROR, so that it tries again.
var ErrTryLater = errors.New("cannot decide now")

// An AuthError says that a peer was refused by an authenticator or a rule on
// this side.
type AuthError struct {
	Who   string
	Err   error
	Later bool // no decision was possible
}

func (e *AuthError) Error() string { return fmt.Sprintf("refused %s: %v", e.Who, e.Err) }

func (e *AuthError) Unwrap() error { return e.Err }

// A ProofError says that a peer could not prove its identity, or does not know the
// server's key.
type ProofError struct{ Err error }

func (e *ProofError) Error() string { return e.Err.Error() }

func (e *ProofError) Unwrap() error { return e.Err }

// IsOffence reports whether a handshake has failed in a way that, if repeated,
// suggests that the peer guesses credentials or wants to cost us time.
func IsOffence(err error) bool {
	var refused *AuthError
	return errors.As(err, new(*ProofError)) || errors.As(err, &refused) && !refused.Later
}

// Costly reports whether a handshake is expensive for this side before the peer has
// proved anything.
func (s *Security) Costly() bool { return s != nil && s.Server && s.Mechanism == Curve }

// A RefusedError says that the peer refused the handshake with an ERROR
// command. No mechanism protects ERROR, so anyone on the network path may have sent
// it.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string {
	if e.Reason == statusDenied {
		return "peer refused the handshake: 400, it does not accept our credentials (are our public key, or user and password, on its list?)"
	}
	return "peer refused the handshake: " + zmtp.Printable(e.Reason)
}

// A MismatchError says that the two sides are not configured for each other.
// That is unlikely to change soon, so dialing again can wait.
type MismatchError struct{ Reason string }

func (e *MismatchError) Error() string { return e.Reason }

// Status codes of ZAP (RFC 27), which ERROR carries as its reason: libzmq reports
// only these to its user.
const (
	statusLater  = "300"
	statusDenied = "400"
	statusFailed = "500"
)

// refusedBy returns the error for an ERROR command with that reason.
func refusedBy(reason string) error {
	switch reason {
	case statusLater, statusFailed:
		return &MismatchError{"peer could not authenticate us: " + reason + ", its authenticator failed"}
	default:
		return &RefusedError{reason}
	}
}

var errNoAuthenticator = errors.New("security is configured without an authenticator, so that nobody may come in")

// decide calls the authenticator; status is the reason of the ERROR for a refused
// peer.
func (s *Security) decide(ctx context.Context, r *AuthRequest) (id *Identity, status string, err error) {
	if s.Authenticate == nil {
		return nil, statusDenied, errNoAuthenticator
	}
	var panicked *guarded.PanicError
	guarded.Call(func() { id, err = s.Authenticate(ctx, r) }, func(e *guarded.PanicError) { panicked = e })
	switch {
	case panicked != nil:
		return nil, statusFailed, fmt.Errorf("the authenticator panicked: %v", panicked.Value)
	case ctx.Err() != nil:
		return nil, statusLater, fmt.Errorf("the authenticator took too long: %w", context.Cause(ctx))
	case errors.Is(err, ErrTryLater):
		return nil, statusLater, err
	case err != nil:
		return nil, statusDenied, err
	case id == nil:
		return nil, statusDenied, errors.New("the authenticator returned no identity")
	}
	return id, "", nil
}

// ErrExposed explains what Exposes reports.
var ErrExposed = errors.New("PLAIN sends user and password in clear text, and this is not a loopback address: use CURVE")

// Exposes reports whether a connection with addr at one end sends a password
// beyond this machine in clear text. A nil Security never does.
func (s *Security) Exposes(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && s != nil && s.Mechanism == Plain && !tcp.IP.IsLoopback()
}
