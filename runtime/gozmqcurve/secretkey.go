package gozmqcurve

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/curve"
)

// A SecretKey is a secret key of CURVE with its public key. It never
// prints itself: fmt, log/slog and encoding/json show a placeholder; only Z85
// and Bytes return the secret. The zero value is no key. Compare keys with
// Equal.
type SecretKey struct{ secret *curve.Secret }

// NewKey returns a new secret key.
func NewKey() (SecretKey, error) {
	s, err := curve.Generate()
	return SecretKey{s}, err
}

// ParseSecretKey parses a key of KeySize bytes, which it copies, or
// in Z85. Its errors do not show the key.
func ParseSecretKey[T string | []byte](text T) (SecretKey, error) {
	s, err := curve.ParseSecret(string(text))
	return SecretKey{s}, err
}

// SecretKeyFromEnv reads the key, in Z85, from an environment variable.
func SecretKeyFromEnv(name string) (SecretKey, error) {
	text, ok := os.LookupEnv(name)
	if !ok || text == "" {
		return SecretKey{}, fmt.Errorf("secret key: the environment has no %s", name)
	}
	k, err := ParseSecretKey(text)
	if err != nil {
		return SecretKey{}, fmt.Errorf("environment variable %s: %w", name, err)
	}
	return k, nil
}

// Public returns the public key that belongs to k; the zero key for the zero
// value.
func (k SecretKey) Public() gozmq.PublicKey {
	if k.secret == nil {
		return gozmq.PublicKey{}
	}
	return gozmq.PublicKey(k.secret.Public())
}

// Equal compares two keys in constant time.
func (k SecretKey) Equal(other SecretKey) bool {
	if k.secret == nil || other.secret == nil {
		return k.secret == other.secret
	}
	return k.secret.Equal(other.secret)
}

// Bytes returns the secret, KeySize bytes that the caller owns; nil for
// the zero value.
func (k SecretKey) Bytes() []byte {
	if k.secret == nil {
		return nil
	}
	return k.secret.Bytes()
}

// Z85 returns the secret in Z85; "" for the zero value.
func (k SecretKey) Z85() string { return curve.EncodeZ85(k.Bytes()) }

const redacted = "[redacted]"

// Format prints a placeholder (fmt.Formatter).
func (k SecretKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns a placeholder (slog.LogValuer).
func (k SecretKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder (encoding.TextMarshaler), so that encoders
// of whole structures do not fail.
func (k SecretKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode fails, so that a secret is not sent by accident.
func (k SecretKey) GobEncode() ([]byte, error) {
	return nil, errors.New("a secret key is not encoded; use Bytes")
}
