package curve

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const z85Alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// EncodeZ85 returns b in Z85 (RFC 32). The length of b must be a multiple of 4;
// bytes beyond that are left out.
func EncodeZ85(b []byte) string {
	var out strings.Builder
	for ; len(b) >= 4; b = b[4:] {
		n := binary.BigEndian.Uint32(b)
		for divisor := uint32(85 * 85 * 85 * 85); divisor > 0; divisor /= 85 {
			out.WriteByte(z85Alphabet[n/divisor%85])
		}
	}
	return out.String()
}

// DecodeZ85 decodes Z85 (RFC 32). Its errors name positions and never contain
// the text, which may be a secret.
func DecodeZ85(s string) ([]byte, error) {
	if len(s)%5 != 0 {
		return nil, fmt.Errorf("Z85 text has %d characters, want a multiple of 5", len(s))
	}
	out := make([]byte, 0, len(s)/5*4)
	for start := 0; start < len(s); start += 5 {
		var n uint64
		for i := start; i < start+5; i++ {
			digit := strings.IndexByte(z85Alphabet, s[i])
			if digit < 0 {
				return nil, fmt.Errorf("character %d does not belong to Z85", i+1)
			}
			n = n*85 + uint64(digit)
		}
		if n > 1<<32-1 {
			return nil, fmt.Errorf("characters %d to %d are no Z85 group: the value is too large", start+1, start+5)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	return out, nil
}
