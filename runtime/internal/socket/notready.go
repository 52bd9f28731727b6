package socket

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// ErrNotReady is returned when no peer connected in time.
var ErrNotReady = errors.New("no peer is connected")

// notReady returns an error for a wait for a peer of g that cause has ended. It
// adds the purpose of the wait and the state of dialing. Only cause can be
// unwrapped.
func notReady(g *link.Group, cause error) error {
	text := ""
	if cause != ErrNotReady {
		text = fmt.Sprintf(" (%v)", ErrNotReady)
	}
	return fmt.Errorf("%w%s%s", cause, text, DialState(g))
}

// DialState returns, in brackets, why g has no peer or fewer than it could
// have: the error of the last attempt to dial, otherwise an endpoint that has not
// answered yet. It returns "" when every dialed endpoint is connected.
func DialState(g *link.Group) string {
	if err := g.DialError(); err != nil {
		return fmt.Sprintf(" (last attempt: %v)", err)
	}
	if endpoint := g.Unanswered(); endpoint != "" {
		return fmt.Sprintf(" (%s has not answered yet)", endpoint)
	}
	return ""
}
