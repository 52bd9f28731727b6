package socket

import (
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// grantOf returns credit as a header's Stream.
func grantOf(c stream.Credit) wire.Stream {
	return wire.Stream{Present: true, Messages: c.Messages, Bytes: c.Bytes}
}

// appendGrant appends a client's message that grants credit, after its envelope.
func appendGrant(b []byte, c stream.Credit) []byte {
	return wire.AppendStreamControl(b, grantOf(c))
}
