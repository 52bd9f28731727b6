package curve

import (
	"bytes"
	"strings"
	"testing"
)

// TestZ85 has the test case of RFC 32.
func TestZ85(t *testing.T) {
	raw := []byte{0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b}
	if got := EncodeZ85(raw); got != "HelloWorld" {
		t.Errorf("encoded to %q", got)
	}
	if got, err := DecodeZ85("HelloWorld"); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("decoded to %x, %v", got, err)
	}
	for _, raw := range [][]byte{nil, {0, 0, 0, 0}, {255, 255, 255, 255}, {0, 0, 0, 1, 255, 255, 255, 254}} {
		if got, err := DecodeZ85(EncodeZ85(raw)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%x comes back as %x, %v", raw, got, err)
		}
	}
}

func TestZ85Malformed(t *testing.T) {
	for name, text := range map[string]string{
		"cut short":           "HelloWorl",
		"a blank":             "Hello orld",
		"a backslash":         `Hell\World`,
		"a quote":             `Hello"orld`,
		"a high byte":         "Hello\xffWor",
		"too large a group":   "#####",
		"one above the limit": "%nSc1",
	} {
		_, err := DecodeZ85(text)
		if err == nil {
			t.Errorf("%s: %q is taken", name, text)
		} else if strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows the text: %v", name, err)
		}
	}
}

func FuzzZ85(f *testing.F) {
	f.Add("HelloWorld")
	f.Add("#####")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := DecodeZ85(text)
		if err == nil && EncodeZ85(b) != text {
			t.Errorf("%q decodes to %x, which encodes to %q", text, b, EncodeZ85(b))
		}
	})
}
