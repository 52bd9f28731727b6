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
	return fmt.Errorf("%w%s%s", cause, text, Dialling(g))
}

// Dialling says in brackets why g has no peer, or fewer than it could have: why
// the last attempt to dial failed, or else which endpoint has not answered yet.
// It is "" where none is missing that is dialled.
func Dialling(g *link.Group) string {
	if err := g.DialError(); err != nil {
		return fmt.Sprintf(" (last attempt: %v)", err)
	}
	if endpoint := g.Unanswered(); endpoint != "" {
		return fmt.Sprintf(" (%s has not answered yet)", endpoint)
	}
	return ""
}
