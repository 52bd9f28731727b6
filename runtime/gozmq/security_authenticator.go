package gozmq

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// An Authenticator decides during a peer's handshake whether to admit it. It
// returns the peer's identity to admit it, or an error to refuse it. The peer
// learns that it was refused; only the event handler learns why
// (EventAuthFailed). Returning nil, nil refuses the peer; so does a panic. An
// error with CodeUnavailable, CodeDeadlineExceeded or CodeCanceled says that no
// decision was possible, so that the peer may try again.
//
// It is called from many goroutines at once. ctx ends when the time for the
// handshake is over (WithConnectTimeout) or the socket is closed; the function
// must return then.
type Authenticator func(ctx context.Context, r *AuthRequest) (*AuthIdentity, error)

// An AuthRequest is the information about a peer during its handshake. It
// prints without the password.
type AuthRequest struct {
	// Mechanism is the mechanism of the endpoint's security.
	Mechanism Mechanism
	// Domain is the name that Security.WithDomain was given; "" for none.
	Domain string
	// Address is the peer's address, such as "192.0.2.7:51034". The address of
	// an ipc or inproc peer has no information.
	Address string
	// Endpoint is the endpoint that was bound or dialed.
	Endpoint string
	// PublicKey is the peer's key under CURVE; the peer has proved that it owns
	// it.
	PublicKey PublicKey
	// User and Password are the peer's credentials under PLAIN.
	User     string
	Password string `json:"-"`
	// Metadata is the peer's unproved claims about itself, under CURVE:
	// "Socket-Type", "Identity" (its routing id) and whatever its program
	// added.
	Metadata map[string]string
}

// Format prints the request without the password (fmt.Formatter).
func (r AuthRequest) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{%s domain %q address %s endpoint %s", r.Mechanism, r.Domain, r.Address, r.Endpoint)
	switch r.Mechanism {
	case MechanismCurve:
		_, _ = fmt.Fprintf(f, " key %s", r.PublicKey)
	case MechanismPlain:
		_, _ = fmt.Fprintf(f, " user %q", r.User)
	}
	_, _ = fmt.Fprint(f, "}")
}

// LogValue returns the request without the password (slog.LogValuer).
func (r AuthRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// An AuthIdentity is the identity that an Authenticator gave to a peer.
// Interceptors, handlers and the functions of WithSubscriptionRule and
// WithAdmission see it (Peer.Identity). It must not be changed once returned.
type AuthIdentity struct {
	// Name is the peer's name in this system, such as a user's or a host's.
	Name string
	// Metadata is whatever else the authenticator knows about the peer.
	Metadata map[string]string
	// Check is called about once a second while the peer is connected, from one
	// goroutine at a time for each socket. An error ends the connection, and is
	// in its EventDisconnected. nil: the peer stays. Lists and folders of keys
	// (package gozmqcurve) set it.
	Check func() error `json:"-"`
}

// AllowAny is an Authenticator that admits everyone. Under CURVE the identity's
// name is the peer's public key in Z85; under PLAIN it is the user, and the
// password is ignored.
func AllowAny(_ context.Context, r *AuthRequest) (*AuthIdentity, error) {
	return &AuthIdentity{Name: r.name()}, nil
}

func (r *AuthRequest) name() string {
	switch r.Mechanism {
	case MechanismCurve:
		return r.PublicKey.String()
	case MechanismPlain:
		return r.User
	default:
		return ""
	}
}

// Passwords returns an Authenticator for PLAIN that admits these users with
// their passwords. It copies the map. It takes the same time whether or not the
// user exists and however much of the password is right.
func Passwords(users map[string]string) Authenticator {
	users = maps.Clone(users)
	return func(_ context.Context, r *AuthRequest) (*AuthIdentity, error) {
		if r.Mechanism != MechanismPlain {
			return nil, fmt.Errorf("a list of passwords cannot decide on a peer that speaks %s", r.Mechanism)
		}
		want, known := users[r.User]
		a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(r.Password))
		if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || !known {
			return nil, errors.New("wrong user or password")
		}
		return &AuthIdentity{Name: r.User}, nil
	}
}

// link returns what connections call; nil for nil.
func (a Authenticator) link() func(context.Context, *handshake.AuthRequest) (*handshake.Identity, error) {
	if a == nil {
		return nil
	}
	return func(ctx context.Context, l *handshake.AuthRequest) (*handshake.Identity, error) {
		r := &AuthRequest{
			Mechanism: Mechanism(l.Mechanism), Domain: l.Domain, Address: l.Address, Endpoint: l.Endpoint,
			PublicKey: PublicKey(l.PublicKey), User: l.User, Password: l.Password,
		}
		if len(l.Metadata) > 0 {
			r.Metadata = make(map[string]string, len(l.Metadata))
			for _, p := range l.Metadata {
				r.Metadata[p.Name] = p.Value
			}
		}
		id, err := a(ctx, r)
		switch CodeOf(err) {
		case CodeUnavailable, CodeDeadlineExceeded, CodeCanceled:
			err = fmt.Errorf("%w: %w", handshake.ErrTryLater, err)
		}
		return (*handshake.Identity)(id), err
	}
}
