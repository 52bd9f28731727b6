package pipeline

import (
	"crypto/rand"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// newID returns an id that no other task has and nobody can guess, so that only
// a worker that was given a task can send its result.
func newID() taskqueue.ID {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return taskqueue.ID(id[:])
}

// A randomness is random bytes for ids that nobody can guess. It asks for many at a
// time, because that takes as long as asking for a few.
type randomness struct {
	bytes [64 * taskqueue.RandomBytes]byte
	left  []byte
}

// next returns the bytes for one id.
func (r *randomness) next() (b [taskqueue.RandomBytes]byte) {
	if len(r.left) == 0 {
		_, _ = rand.Read(r.bytes[:]) // never fails
		r.left = r.bytes[:]
	}
	n := copy(b[:], r.left)
	clear(r.left[:n])
	r.left = r.left[n:]
	return b
}
