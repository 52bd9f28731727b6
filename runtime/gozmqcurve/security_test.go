package gozmqcurve

import (
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

func TestSecurityErrors(t *testing.T) {
	k := newKey(t)
	for name, tt := range map[string]struct {
		security gozmq.Security
		text     string
	}{
		"no secret for a server": {Server(SecretKey{}, gozmq.AllowAny), "gozmqcurve.Server: no secret key"},
		"no secret for a client": {Client(SecretKey{}, k.Public()), "gozmqcurve.Client: no secret key"},
		"no server key":          {Client(k, gozmq.PublicKey{}), "gozmqcurve.Client: the server's public key is of low order"},
		"with a domain":          {Server(SecretKey{}, gozmq.AllowAny).WithDomain("x"), "no secret key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gozmq.Dial(gozmq.Connect("tcp://127.0.0.1:1"), gozmq.WithSecurity(tt.security))
			wantText(t, err, tt.text)
			_, err = gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*").Secured(tt.security))
			wantText(t, err, tt.text)
		})
	}
}

func TestSecurityPrints(t *testing.T) {
	k := newKey(t)
	for want, s := range map[string]gozmq.Security{
		"[security: CURVE server]": Server(k, nil),
		"[security: CURVE client]": Client(k, k.Public()),
	} {
		if got := fmt.Sprint(s); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
