package handshake

import (
	"net"
	"testing"
)

// TestExposed tells passwords that leave the machine from those that do not.
func TestExposed(t *testing.T) {
	plain := &Security{Mechanism: Plain}
	for name, tt := range map[string]struct {
		security *Security
		addr     net.Addr
		want     bool
	}{
		"loopback":       {plain, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, false},
		"loopback of v6": {plain, &net.TCPAddr{IP: net.IPv6loopback}, false},
		"every address":  {plain, &net.TCPAddr{IP: net.IPv6unspecified}, true},
		"another":        {plain, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, true},
		"ipc":            {plain, &net.UnixAddr{Name: "x", Net: "unix"}, false},
		"CURVE":          {&Security{Mechanism: Curve}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, false},
		"none":           {nil, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, false},
	} {
		if got := tt.security.Exposes(tt.addr); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
