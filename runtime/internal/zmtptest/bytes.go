// Package zmtptest speaks ZMTP by hand, for tests of real implementations: it sends
// bytes that no socket would send, and shows the answer byte by byte.
package zmtptest

import (
	"bytes"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Greeting returns the bytes of a greeting of ZMTP major.minor.
func Greeting(major, minor byte, mechanism string) []byte {
	b := make([]byte, zmtp.GreetingSize)
	b[0], b[9], b[10], b[11] = 0xff, 0x7f, major, minor
	copy(b[12:32], mechanism)
	return b
}

// Ready returns the bytes of a READY command with name-value pairs.
func Ready(pairs ...string) []byte {
	var m zmtp.Metadata
	for i := 0; i < len(pairs); i += 2 {
		m = append(m, zmtp.Property{Name: pairs[i], Value: pairs[i+1]})
	}
	return zmtp.AppendCommand(nil, zmtp.CommandReady, m.Append(nil))
}

// Hello returns the first bytes of a correct peer of ZMTP 3.1 with NULL: its
// greeting, and READY with its socket type and the other pairs.
func Hello(socketType zmtp.SocketType, pairs ...string) []byte {
	return Join(Greeting(3, 1, "NULL"), Ready(append([]string{zmtp.PropertySocketType, string(socketType)}, pairs...)...))
}

// Join returns the parts one after the other.
func Join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// AppendMessage appends one message as frames on the wire.
func AppendMessage(b []byte, frames ...[]byte) []byte {
	for i, f := range frames {
		b = zmtp.AppendFrame(b, more(i, len(frames)), f)
	}
	return b
}

// Message returns one message as frames on the wire.
func Message(frames ...string) (b []byte) {
	for i, f := range frames {
		b = zmtp.AppendFrameString(b, more(i, len(frames)), f)
	}
	return b
}

// more returns the flags of frame i of n.
func more(i, n int) byte {
	if i < n-1 {
		return zmtp.FlagMore
	}
	return 0
}
