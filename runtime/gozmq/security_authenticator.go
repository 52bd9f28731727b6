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

// An Authenticator decides on a peer that shakes hands. It returns who the peer
// is, or an error, which refuses it: the peer is told no more than that, and
// the observer why (EventAuthFailed). An error with CodeUnavailable,
// CodeDeadlineExceeded or CodeCanceled says that there could be no decision; the
// peer may try again. Neither an identity nor an error is a refusal, and so is a
// panic.
//
// It is called from many goroutines at once. ctx ends with the time for the
// handshake (WithConnectTimeout), or when the socket is closed; it must return
// then.
type Authenticator func(ctx context.Context, r *AuthRequest) (*AuthIdentity, error)

// An AuthRequest is what is known of a peer that shakes hands. It prints itself
// without the password.
type AuthRequest struct {
	// Mechanism is MechanismNull, MechanismPlain or MechanismCurve.
	Mechanism string
	// Domain is what Security.WithDomain says; "" without.
	Domain string
	// Address is the peer's address, as "192.0.2.7:51034". ipc and inproc peers
	// have none that says anything.
	Address string
	// Endpoint is the endpoint that was bound or dialled.
	Endpoint string
	// PublicKey is the peer's key under CURVE, which it has proved to own.
	PublicKey CurvePublicKey
	// User and Password are what the peer says under PLAIN.
	User     string
	Password string `json:"-"`
	// Metadata is what the peer says of itself, under CURVE: "Socket-Type",
	// "Identity" and what else its program has added. It proves nothing.
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

// LogValue gives the request without the password (slog.LogValuer).
func (r AuthRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// An AuthIdentity is who a peer was found to be. Interceptors, handlers and the
// hooks for subscriptions and admission see it (Peer.Identity). It must not be
// changed once returned.
type AuthIdentity struct {
	// Name is the peer's name among ours, as a user's or a host's.
	Name string
	// Metadata is whatever the authenticator wants to be known of it.
	Metadata map[string]string
}

// AllowAny is an Authenticator that lets everyone in. Under CURVE the identity's
// name is the peer's public key in Z85, under PLAIN it is the user, whatever the
// password.
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

// Passwords returns an Authenticator for PLAIN that knows these users and their
// passwords, which it copies. It takes the same time whether or not there is
// such a user and however much of the password is right.
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
			Mechanism: l.Mechanism, Domain: l.Domain, Address: l.Address, Endpoint: l.Endpoint,
			PublicKey: CurvePublicKey(l.PublicKey), User: l.User, Password: l.Password,
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
