package handshake

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestBadHandshake checks that each of these is refused with a reason, and its
// connection closed.
func TestBadHandshake(t *testing.T) {
	cfg := testConfig(zmtp.Router)
	for _, tt := range zmtptest.BadHandshakes() {
		t.Run(tt.Name, func(t *testing.T) {
			s := &script{in: tt.Send, piece: 1000}
			peer, err := Do(t.Context(), s, &cfg, Site{Accepted: true})
			if peer != nil || err == nil || !s.closed {
				t.Fatalf("got %+v, %v, and the connection is closed: %v", peer, err, s.closed)
			}
			// A peer that stops in the middle closes the connection here.
			if text := err.Error(); !strings.Contains(text, tt.Reason) && !strings.Contains(text, "closed the connection during the handshake") {
				t.Errorf("the reason is %q, want one with %q", text, tt.Reason)
			}
		})
	}
}

// TestAnnounce checks what is announced to the peer.
func TestAnnounce(t *testing.T) {
	gozmq := zmtp.Property{Name: "X-Gozmq", Value: "1"}
	router := zmtp.Property{Name: "Socket-Type", Value: "ROUTER"}
	for name, tt := range map[string]struct {
		change func(*Config)
		want   zmtp.Metadata
	}{
		"as usual":           {func(*Config) {}, zmtp.Metadata{router, gozmq}},
		"with an identity":   {func(c *Config) { c.Identity = "me" }, zmtp.Metadata{router, {Name: "Identity", Value: "me"}, gozmq}},
		"with a role":        {func(c *Config) { c.Role, c.MaxMessage = RoleServer, 1000 }, zmtp.Metadata{router, gozmq, {Name: "X-Gozmq-Role", Value: "server"}, {Name: "X-Gozmq-Max-Size", Value: "1000"}}},
		"without extensions": {func(c *Config) { c.HideExtensions = true }, zmtp.Metadata{router}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(zmtp.Router)
			tt.change(&cfg)
			s := &script{in: zmtptest.Hello("REQ"), piece: 1000}
			if _, err := Do(t.Context(), s, &cfg, Site{Accepted: true}); err != nil {
				t.Fatal(err)
			}
			want := zmtptest.Join(zmtptest.Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, "READY", tt.want.Append(nil)))
			if !bytes.Equal(s.written.Bytes(), want) {
				t.Errorf("sent %q, want %q", s.written.Bytes(), want)
			}
		})
	}
}

// TestCallbacks checks that a callback that panics refuses the peer, and one that
// ends its goroutine leaves no open connection.
func TestCallbacks(t *testing.T) {
	for name, tt := range map[string]struct {
		callback func()
		want     string // the error; "" where Do does not return
	}{
		"panics":             {func() { panic("ouch") }, "refused peer: the authenticator panicked: ouch"},
		"ends its goroutine": {runtime.Goexit, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(zmtp.Router)
			s := &script{in: zmtptest.Hello("REQ"), piece: 1000}
			sec := &Security{Mechanism: Null, Server: true, Authenticate: func(context.Context, *AuthRequest) (*Identity, error) {
				tt.callback()
				return &Identity{}, nil
			}}
			done, got := make(chan struct{}), ""
			go func() {
				defer close(done)
				_, err := Do(t.Context(), s, &cfg, Site{Accepted: true, Security: sec})
				if got = "no error"; err != nil {
					got = err.Error()
				}
			}()
			<-done
			if got != tt.want || !s.closed {
				t.Errorf("got %q, and the connection is closed: %v", got, s.closed)
			}
		})
	}
}
