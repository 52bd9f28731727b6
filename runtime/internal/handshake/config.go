package handshake

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const (
	// maxHandshake is how many bytes a peer may send before its handshake is done.
	maxHandshake = 64 << 10
	// maxCommand is how many bytes one command of a handshake may have.
	maxCommand = 8 << 10
	// finishTime is how long a handshake may still take once its socket is
	// closing, if the peer may already consider it done.
	finishTime = 500 * time.Millisecond
)

// A Config is the configuration of all handshakes of one socket. It must not be
// changed once in use.
type Config struct {
	SocketType zmtp.SocketType
	Identity   string // announced to peers; "" for none
	// HideExtensions leaves out the announcement of our protocol extensions.
	HideExtensions bool
	// Role is announced; "" announces none.
	Role Role
	// Peers are the roles that fit, in addition to proxies; nil means those that
	// fit Role.
	Peers []Role
	// MaxMessage is announced as the largest body that we accept; 0 announces none.
	MaxMessage int
	// Timeout bounds a handshake whose context has no deadline.
	Timeout time.Duration
	// Admit decides, after authentication, whether to admit an accepted peer; nil
	// admits every peer. It is called in the handshake's goroutine, and must return
	// soon. A refused peer learns that it was refused, but not why.
	Admit func(p *Peer, endpoint, address string) error
}

// metadata is what we announce about ourselves.
func (c *Config) metadata() []byte {
	m := zmtp.Metadata{{Name: zmtp.PropertySocketType, Value: string(c.SocketType)}}
	if c.Identity != "" {
		m = append(m, zmtp.Property{Name: zmtp.PropertyIdentity, Value: c.Identity})
	}
	if !c.HideExtensions {
		m = append(m, zmtp.Property{Name: zmtp.PropertyGozmq, Value: "1"})
	}
	return c.appendRole(m).Append(nil)
}
