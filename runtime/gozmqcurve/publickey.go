package gozmqcurve

import (
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/curve"
)

// KeySize is the number of bytes of a key, public or secret. In Z85 (RFC 32) that
// is 40 characters.
const KeySize = curve.KeySize

// ParsePublicKey parses a key of KeySize bytes, or in Z85. It fails for bytes that
// cannot be anyone's key, such as the zero key.
func ParsePublicKey[T string | []byte](text T) (gozmq.PublicKey, error) {
	k, err := curve.ParsePublic(string(text))
	return gozmq.PublicKey(k), err
}
