package curve

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/curve25519"
	//lint:ignore SA1019 the boxes of CurveZMQ are NaCl's, whose keys come from HSalsa20
	"golang.org/x/crypto/salsa20/salsa"
)

// KeySize is the number of bytes of a key, public or secret.
const KeySize = 32

// ErrWeakKey is returned for a public key that no generator makes: a key of low
// order, whose shared keys are known to everybody, or a key in which the unused bit
// is set.
var ErrWeakKey = errors.New("public key is of low order or malformed: it protects nothing")

// A Public is a public key. The zero value is no key.
type Public [KeySize]byte

// String returns the key in Z85, 40 characters.
func (p Public) String() string { return EncodeZ85(p[:]) }

// Check returns ErrWeakKey for a key that must not be used, such as the zero value.
func (p Public) Check() error {
	_, err := agree([KeySize]byte{1}, &p)
	return err
}

// agree returns the shared point of a scalar and a public key (X25519).
func agree(scalar [KeySize]byte, public *Public) ([]byte, error) {
	if public[KeySize-1]&0x80 != 0 {
		return nil, ErrWeakKey
	}
	point, err := curve25519.X25519(scalar[:], public[:])
	if err != nil {
		return nil, ErrWeakKey
	}
	return point, nil
}

// A Secret is a secret key and its public key. It is immutable and may be used
// from any goroutine. The fmt package never prints the key.
type Secret struct {
	key    *[KeySize]byte // behind a pointer, because fmt prints every field that it can reach
	public Public
}

// NewSecret returns the secret key with those bytes, which are copied. They
// must be KeySize and not all zero.
func NewSecret(b []byte) (*Secret, error) {
	if len(b) != KeySize {
		return nil, fmt.Errorf("secret key has %d bytes, want %d", len(b), KeySize)
	}
	if subtle.ConstantTimeCompare(b, make([]byte, KeySize)) == 1 {
		return nil, errors.New("secret key is all zeros: it was never set")
	}
	key := [KeySize]byte(b)
	s := &Secret{key: &key}
	public, err := curve25519.X25519(s.key[:], curve25519.Basepoint)
	if err != nil {
		return nil, fmt.Errorf("derive public key: %w", err)
	}
	s.public = Public(public)
	return s, nil
}

// Generate returns a new secret key.
func Generate() (*Secret, error) { return generate(rand.Reader) }

func generate(random io.Reader) (*Secret, error) {
	var b [KeySize]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return NewSecret(b[:])
}

// Public returns the public key of s.
func (s *Secret) Public() Public { return s.public }

// Bytes returns a copy of the secret's bytes.
func (s *Secret) Bytes() []byte { return append([]byte(nil), s.key[:]...) }

// Equal compares two secrets in constant time.
func (s *Secret) Equal(t *Secret) bool {
	return subtle.ConstantTimeCompare(s.key[:], t.key[:]) == 1
}

// Format prints a placeholder in place of the key (fmt.Formatter).
func (s *Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret key]") }

// shared returns the key that secret and public agree on (NaCl's beforenm). It
// returns ErrWeakKey for a public key of low order.
func shared(secret *Secret, public *Public) (*[KeySize]byte, error) {
	point, err := agree(*secret.key, public)
	if err != nil {
		return nil, err
	}
	key := [KeySize]byte(point)
	salsa.HSalsa20(&key, new([16]byte), &key, &salsa.Sigma)
	return &key, nil
}
