package curve

import (
	"fmt"
	"strings"
)

// ParsePublic parses a public key of KeySize bytes, or in Z85 with spaces around
// it. It fails for a key that does not pass Check.
func ParsePublic(text string) (Public, error) {
	b, err := keyBytes(text)
	if err != nil {
		return Public{}, fmt.Errorf("public key: %w", err)
	}
	p := Public(b)
	if err := p.Check(); err != nil {
		return Public{}, err
	}
	return p, nil
}

// ParseSecret parses a secret key of KeySize bytes, which it copies, or in Z85
// with spaces around it. Its errors do not show the key.
func ParseSecret(text string) (*Secret, error) {
	b, err := keyBytes(text)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	return NewSecret(b)
}

// keyBytes decodes a key. Its errors do not show it.
func keyBytes(text string) ([]byte, error) {
	if len(text) == KeySize {
		return []byte(text), nil
	}
	text = strings.TrimSpace(text)
	if len(text) != KeySize/4*5 {
		return nil, fmt.Errorf("key of %d bytes, want %d, or %d characters in Z85", len(text), KeySize, KeySize/4*5)
	}
	return DecodeZ85(text)
}
