package rawzmtp

import (
	"bytes"
	"strings"
	"testing"
)

// The bytes are those of RFC 37's own grammar.
func TestBytes(t *testing.T) {
	for name, tt := range map[string]struct {
		got  []byte
		want string
	}{
		"greeting": {Greeting(3, 1, "NULL"), "\xff" + strings.Repeat("\x00", 8) + "\x7f\x03\x01NULL" + strings.Repeat("\x00", 48)},
		"short":    {Message("a", "bc"), "\x01\x01a\x00\x02bc"},
		"long":     {LongFrame(0, []byte("a")), "\x02\x00\x00\x00\x00\x00\x00\x00\x01a"},
		"255":      {Frame(0, strings.Repeat("x", 255))[:2], "\x00\xff"},
		"256":      {Frame(0, strings.Repeat("x", 256))[:9], "\x02\x00\x00\x00\x00\x00\x00\x01\x00"},
		"command":  {Command("PING", "\x00\x06"), "\x04\x07\x04PING\x00\x06"},
		"ready":    {Ready("Identity", "me"), "\x04\x15\x05READY\x08Identity\x00\x00\x00\x02me"},
	} {
		if string(tt.got) != tt.want {
			t.Errorf("%s: got %q, want %q", name, tt.got, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	b := append(Command("PING", "\x00\x06"), Message("", strings.Repeat("x", 300))...)
	r := bytes.NewReader(b)
	var again []byte
	for range 3 {
		f, err := Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if name, data, ok := f.Command(); ok != (len(again) == 0) || ok && (name != "PING" || string(data) != "\x00\x06") {
			t.Errorf("Command = %q, %q, %v", name, data, ok)
		}
		again = append(append(again, f.Header...), f.Content...)
	}
	if _, err := Read(r); err == nil || !bytes.Equal(again, b) {
		t.Errorf("read %q, %v", again, err)
	}
}
