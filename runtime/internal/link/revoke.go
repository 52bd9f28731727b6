package link

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
)

// recheckEvery is the pause between two checks of all peers' identities.
const recheckEvery = time.Second

// A RevokedError says that this side has ended a connection because its peer may
// not stay.
type RevokedError struct{ Err error }

func (e *RevokedError) Error() string { return fmt.Sprintf("peer may not stay: %v", e.Err) }

func (e *RevokedError) Unwrap() error { return e.Err }

// Disconnect ends the connections that match selects, because of reason, and
// returns how many. match is called without a lock held. A connection that was
// dialed is dialed again.
func (g *Group) Disconnect(match func(*Conn) bool, reason error) (n int) {
	g.Each(func(c *Conn) {
		if c.Err() == nil && match(c) {
			c.Close(reason)
			n++
		}
	})
	return n
}

// mayBeRevoked reports whether the peer's identity must be checked again.
func (c *Conn) mayBeRevoked() bool { return c.Auth != nil && c.Auth.Check != nil }

// recheck ends the connections whose peers may not stay, until the group ends.
func (g *Group) recheck() {
	t := time.NewTicker(recheckEvery)
	defer t.Stop()
	for {
		select {
		case <-g.ended:
			return
		case <-t.C:
			g.Each(g.recheckConn)
		}
	}
}

// recheckConn ends the connection if its peer may not stay. A check that panics
// changes nothing.
func (g *Group) recheckConn(c *Conn) {
	if !c.mayBeRevoked() || c.Err() != nil {
		return
	}
	var err error
	if p := guarded.Apart(func() { err = c.Auth.Check() }); p == nil && err != nil {
		c.Close(&RevokedError{err})
	}
}
