package wire

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// VerbAlive goes from a ventilator to its workers, and from the workers to their
// sinks: the ventilator is alive.
const VerbAlive Verb = "ALIVE"

// maxAlive is the largest content of an ALIVE, in bytes.
const maxAlive = 16 << 10

// Alive is an ALIVE with its encoded content, as workers pass it on.
type Alive []byte

// AppendMessage appends the frames to b (socket.Message).
func (a Alive) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, string(VerbAlive))
	return zmtp.AppendFrame(b, 0, a), nil
}

// IsAlive reports whether a message is an ALIVE.
func IsAlive(frames [][]byte) bool { return string(frames[0]) == string(VerbAlive) }

// ParseAlive returns the content of an ALIVE, in the memory of frames.
func ParseAlive(frames [][]byte) (Alive, error) {
	if len(frames) < 2 || len(frames[1]) > maxAlive {
		return nil, fmt.Errorf("%s, want a second frame of at most %d bytes", VerbAlive, maxAlive)
	}
	return frames[1], nil
}

// A VentilatorState is the content of an ALIVE.
type VentilatorState struct {
	Ventilator []byte
	Lease      time.Duration // how long a sink waits for the next one; 0: without limit
	Over       [][]byte      // the ids of the last batches that are over
}

// Encode returns the message that has the state.
func (s VentilatorState) Encode() Alive {
	m := &gozmqv1.Alive{Ventilator: s.Ventilator, LeaseUs: uint64(s.Lease.Microseconds()), Over: s.Over}
	b, err := proto.Marshal(m)
	if err != nil {
		return nil // never: there are neither required fields nor strings
	}
	return b
}

// State decodes the content.
func (a Alive) State() (s VentilatorState, err error) {
	m := new(gozmqv1.Alive)
	if err := proto.Unmarshal(a, m); err != nil {
		return s, fmt.Errorf("%s: %w", VerbAlive, err)
	}
	return VentilatorState{m.GetVentilator(), lease(m.GetLeaseUs()), m.GetOver()}, nil
}
