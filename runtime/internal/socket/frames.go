package socket

import "github.com/gozmq/gozmq/runtime/internal/zmtp"

// Frames is a Message that is passed on unchanged: the Route, unless it is nil, and
// then the Parts.
type Frames struct {
	Route []byte
	Parts [][]byte
}

// AppendMessage appends the frames (Message).
func (f *Frames) AppendMessage(b []byte) ([]byte, error) {
	if f.Route != nil {
		b = zmtp.AppendFrame(b, zmtp.FlagMore, f.Route)
	}
	last := len(f.Parts) - 1
	for _, part := range f.Parts[:last] {
		b = zmtp.AppendFrame(b, zmtp.FlagMore, part)
	}
	return zmtp.AppendFrame(b, 0, f.Parts[last]), nil
}

// Size returns an upper bound of the size that a receiver counts for the frames
// against its limit.
func (f *Frames) Size() int {
	n := frameCost*(1+len(f.Parts)) + len(f.Route)
	for _, part := range f.Parts {
		n += len(part)
	}
	return n
}

// frameCost is how much a frame counts in addition to its content.
const frameCost = 2
