package socket

import (
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// orphans are messages whose peer went before the kernel took them, as frames
// on the wire, oldest first.
type orphans struct {
	runs [][]byte
	size int // bytes of the first message
}

// add takes the frames that a connection left; it owns them. They come first:
// as long as there are orphans nothing newer is given to a connection.
func (o *orphans) add(frames []byte) {
	if len(frames) > 0 {
		o.runs = slices.Insert(o.runs, 0, frames)
	}
}

// empty reports whether there is no message; it drops commands on the way.
func (o *orphans) empty() bool {
	for len(o.runs) > 0 {
		run := o.runs[0]
		h, ok, err := zmtp.ParseHeader(run)
		if !ok || err != nil {
			o.runs = o.runs[1:]
			continue
		}
		o.size = zmtp.MessageSize(run)
		if !h.Command() {
			return false
		}
		o.pop()
	}
	return true
}

// len returns how many messages there are.
func (o *orphans) len() (n int) {
	for _, run := range o.runs {
		zmtp.EachMessage(run, func([]byte) { n++ })
	}
	return n
}

// pop drops the first message.
func (o *orphans) pop() {
	if o.runs[0] = o.runs[0][o.size:]; len(o.runs[0]) == 0 {
		o.runs = o.runs[1:]
	}
}

// AppendMessage appends the first message (Message).
func (o *orphans) AppendMessage(b []byte) ([]byte, error) {
	return append(b, o.runs[0][:o.size]...), nil
}
