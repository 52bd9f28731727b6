package gozmq

import "github.com/gozmq/gozmq/runtime/internal/curve"

// A PublicKey is a public key of CURVE (RFC 26), 32 bytes. It is comparable; the
// zero value is no key. Package gozmqcurve parses and makes keys.
type PublicKey [curve.KeySize]byte

// String returns the key in Z85 (RFC 32), 40 characters.
func (k PublicKey) String() string { return curve.Public(k).String() }

// MarshalText returns the key in Z85 (encoding.TextMarshaler).
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText parses a key of 32 bytes, or in Z85
// (encoding.TextUnmarshaler). It fails for bytes that cannot be anyone's key,
// such as the zero key, and leaves k as it was.
func (k *PublicKey) UnmarshalText(text []byte) error {
	p, err := curve.ParsePublic(string(text))
	if err == nil {
		*k = PublicKey(p)
	}
	return err
}
