package handshake

import (
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestRolesFit has a server meet peers of all roles, announced well and badly.
func TestRolesFit(t *testing.T) {
	for role, fits := range map[string]bool{
		"client": true, "proxy": true, "": true, "of a later version": true, "Client": true,
		"server": false, "worker": false, "worker-results": false, "sink": false, "ventilator": false, "publisher": false, "subscriber": false,
	} {
		cfg := testConfig(zmtp.Router)
		cfg.Role = RoleServer
		s := &script{in: zmtptest.Hello("DEALER", "X-Gozmq", "1", "X-Gozmq-Role", role, "X-Gozmq-Max-Size", "4000"), piece: 1000}
		peer, err := Do(t.Context(), s, &cfg, Site{Accepted: true})
		if fits {
			if err != nil || peer.MaxMessage != 4000 || string(peer.Role) != role {
				t.Errorf("%q: got %+v, %v", role, peer, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%q was taken", role)
			continue
		}
		for _, text := range []string{err.Error(), s.written.String()} { // the ERROR, too
			if !strings.Contains(text, "the roles do not fit") || !strings.Contains(text, "a server, which goes with clients (ROUTER)") {
				t.Errorf("%q: %s", role, text)
			}
		}
		if !strings.Contains(s.written.String(), "the peer is a server") || !strings.Contains(err.Error(), "This end is a server") {
			t.Errorf("%q: we say %v, and to the peer %q", role, err, s.written.String())
		}
	}
}

// TestMalformedLimit counts as none.
func TestMalformedLimit(t *testing.T) {
	for _, value := range []string{"", "-1", "0", "1e6", "99999999999999999999", " 1"} {
		cfg := testConfig(zmtp.Router)
		s := &script{in: zmtptest.Hello("DEALER", "X-Gozmq-Max-Size", value), piece: 1000}
		if peer, err := Do(t.Context(), s, &cfg, Site{Accepted: true}); err != nil || peer.MaxMessage != 0 {
			t.Errorf("%q: %+v, %v", value, peer, err)
		}
	}
}
