package gozmq

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/gozmq/gozmq/runtime/internal/curve"
)

// CurveKeySize is the number of bytes of a CURVE key, public or secret. In Z85
// (RFC 32) that is 40 characters.
const CurveKeySize = curve.KeySize

// A CurvePublicKey is a public key of CURVE (RFC 26). It is comparable; the
// zero value is no key.
type CurvePublicKey [CurveKeySize]byte

// ParseCurvePublicKey parses a key of CurveKeySize bytes, or in Z85. It fails
// for bytes that cannot be anyone's key, such as the zero key.
func ParseCurvePublicKey[T string | []byte](text T) (CurvePublicKey, error) {
	b, err := keyBytes(string(text))
	if err != nil {
		return CurvePublicKey{}, fmt.Errorf("public key: %w", err)
	}
	k := CurvePublicKey(b)
	if err := curve.Public(k).Check(); err != nil {
		return CurvePublicKey{}, err
	}
	return k, nil
}

// keyBytes decodes a key. Its errors do not show it.
func keyBytes(text string) ([]byte, error) {
	if len(text) == CurveKeySize {
		return []byte(text), nil
	}
	text = strings.TrimSpace(text)
	if len(text) != CurveKeySize/4*5 {
		return nil, fmt.Errorf("key of %d bytes, want %d, or %d characters in Z85", len(text), CurveKeySize, CurveKeySize/4*5)
	}
	return curve.DecodeZ85(text)
}

// String returns the key in Z85.
func (k CurvePublicKey) String() string { return curve.Public(k).String() }

// MarshalText returns the key in Z85 (encoding.TextMarshaler).
func (k CurvePublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is ParseCurvePublicKey (encoding.TextUnmarshaler).
func (k *CurvePublicKey) UnmarshalText(text []byte) (err error) {
	*k, err = ParseCurvePublicKey(text)
	return err
}

// A CurveSecretKey is a secret key of CURVE with its public key. It never
// prints itself: fmt, log/slog and encoding/json show a placeholder; only Z85
// and Bytes return the secret. The zero value is no key. Compare keys with
// Equal.
type CurveSecretKey struct{ secret *curve.Secret }

// NewCurveKey returns a new secret key.
func NewCurveKey() (CurveSecretKey, error) {
	s, err := curve.Generate()
	return CurveSecretKey{s}, err
}

// ParseCurveSecretKey parses a key of CurveKeySize bytes, which it copies, or
// in Z85. Its errors do not show the key.
func ParseCurveSecretKey[T string | []byte](text T) (CurveSecretKey, error) {
	b, err := keyBytes(string(text))
	if err != nil {
		return CurveSecretKey{}, fmt.Errorf("secret key: %w", err)
	}
	s, err := curve.NewSecret(b)
	return CurveSecretKey{s}, err
}

// CurveSecretKeyFromEnv reads the key, in Z85, from an environment variable.
func CurveSecretKeyFromEnv(name string) (CurveSecretKey, error) {
	text, ok := os.LookupEnv(name)
	if !ok || text == "" {
		return CurveSecretKey{}, fmt.Errorf("secret key: the environment has no %s", name)
	}
	k, err := ParseCurveSecretKey(text)
	if err != nil {
		return CurveSecretKey{}, fmt.Errorf("environment variable %s: %w", name, err)
	}
	return k, nil
}

// Public returns the public key that belongs to k; the zero key for the zero
// value.
func (k CurveSecretKey) Public() CurvePublicKey {
	if k.secret == nil {
		return CurvePublicKey{}
	}
	return CurvePublicKey(k.secret.Public())
}

// Equal compares two keys in constant time.
func (k CurveSecretKey) Equal(other CurveSecretKey) bool {
	if k.secret == nil || other.secret == nil {
		return k.secret == other.secret
	}
	return k.secret.Equal(other.secret)
}

// Bytes returns the secret, CurveKeySize bytes that the caller owns; nil for
// the zero value.
func (k CurveSecretKey) Bytes() []byte {
	if k.secret == nil {
		return nil
	}
	return k.secret.Bytes()
}

// Z85 returns the secret in Z85; "" for the zero value.
func (k CurveSecretKey) Z85() string { return curve.EncodeZ85(k.Bytes()) }

const redacted = "[redacted]"

// Format prints a placeholder (fmt.Formatter).
func (k CurveSecretKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns a placeholder (slog.LogValuer).
func (k CurveSecretKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder (encoding.TextMarshaler), so that encoders
// of whole structures do not fail.
func (k CurveSecretKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode fails, so that a secret is not sent by accident.
func (k CurveSecretKey) GobEncode() ([]byte, error) {
	return nil, errors.New("a secret key is not encoded; use Bytes")
}
