package socket

import (
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// grantOf returns what a header says of credit.
func grantOf(c stream.Credit) wire.Stream {
	return wire.Stream{Present: true, Messages: c.Messages, Bytes: c.Bytes}
}

// appendGrant appends, behind its envelope, the message of a client that grants
// credit.
func appendGrant(b []byte, c stream.Credit) []byte {
	return wire.AppendStreamControl(b, grantOf(c))
}
