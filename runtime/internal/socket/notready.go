package socket

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// ErrNotReady is returned when no peer was there in time.
var ErrNotReady = errors.New("no peer is connected")

// notReady adds to why a wait for a peer of g ended, which is cause, what the
// wait was for and what became of dialling. Only cause can be unwrapped.
func notReady(g *link.Group, cause error) error {
	text := ""
	if cause != ErrNotReady {
		text = fmt.Sprintf(" (%v)", ErrNotReady)
	}
	return fmt.Errorf("%w%s%s", cause, text, dialling(g))
}

// dialling says in brackets why g has no peer, or fewer than it could have; ""
// where it dials none and waits for peers to come.
func dialling(g *link.Group) string {
	if err := g.DialError(); err != nil {
		return fmt.Sprintf(" (last attempt: %v)", err)
	}
	if endpoints, _ := g.Dialled(); len(endpoints) > 0 {
		return fmt.Sprintf(" (%s has not answered yet)", endpoints[0])
	}
	return ""
}
