package gozmqcurve

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// Server encrypts and authenticates with CURVE. A client must know our public
// key and prove that it owns its own; then auth decides on the client's key. A
// nil auth refuses everyone; gozmq.AllowAny admits everyone who knows our public
// key. Where secret is the zero value, the constructor of the socket fails.
func Server(secret SecretKey, auth gozmq.Authenticator) gozmq.Security {
	return overCurve(gozmq.NullServer(auth), "gozmqcurve.Server", secret, nil)
}

// Client encrypts with CURVE and talks only to the owner of the public key
// server. secret identifies this client; use a new key if the server admits
// every key. Where one of the keys is the zero value, the constructor of the
// socket fails.
func Client(secret SecretKey, server gozmq.PublicKey) gozmq.Security {
	return overCurve(gozmq.NullClient(), "gozmqcurve.Client", secret, &server)
}

// overCurve returns s with CURVE in place of NULL. Without a server key this side
// is the server. role names it in errors.
func overCurve(s gozmq.Security, role string, secret SecretKey, server *gozmq.PublicKey) gozmq.Security {
	bridge.Set(&s, bridge.Open(&s).With(func(h *handshake.Security) error {
		if secret.secret == nil {
			return errors.New(role + ": no secret key (NewKey makes one, LoadKey reads one)")
		}
		h.Mechanism, h.Secret = handshake.Curve, secret.secret
		if server == nil {
			return nil
		}
		h.ServerKey = curve.Public(*server)
		if err := h.ServerKey.Check(); err != nil {
			return fmt.Errorf("%s: the server's %w", role, err)
		}
		return nil
	}))
	return s
}
