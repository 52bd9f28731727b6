package wire

import (
	"encoding/binary"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const (
	// noStatus is the frames in front of the body of a stream's message, behind a
	// call id: the end of the envelope, and the empty status.
	noStatus = "\x01\x00\x01\x00"
	// plainTail is the frame behind that body: plainStream, without more.
	plainTail = "\x00\x02" + plainStream
	// noMethod is the frame between an envelope and the body of a client's message.
	noMethod = "\x01\x00"
)

// PlainStreamReply returns the body of the message with which b begins, and its
// length on the wire, if it is a whole one of a server's stream that says nothing
// but its body, and that is short. n is 0 for any other.
func PlainStreamReply(b []byte, id uint64) (body []byte, n int) {
	const start = 2 + CallIDSize + len(noStatus) + 2
	if len(b) < start+len(plainTail) || b[0] != zmtp.FlagMore || b[1] != CallIDSize || binary.BigEndian.Uint64(b[2:]) != id ||
		string(b[2+CallIDSize:start-2]) != noStatus || b[start-2] != zmtp.FlagMore {
		return nil, 0
	}
	end := start + int(b[start-1])
	if n = end + len(plainTail); len(b) < n || string(b[end:n]) != plainTail {
		return nil, 0
	}
	return b[start:end:end], n
}

// PlainStreamMessage is PlainStreamReply for the message of a client's stream with
// that envelope, as on the wire.
func PlainStreamMessage(b []byte, envelope string) (body []byte, n int) {
	start := len(envelope) + len(noMethod) + 2
	if len(b) < start || string(b[:len(envelope)]) != envelope || string(b[len(envelope):start-2]) != noMethod || b[start-2] != 0 {
		return nil, 0
	}
	if n = start + int(b[start-1]); len(b) < n {
		return nil, 0
	}
	return b[start:n:n], n
}
