package zmtp

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestParseCommand(t *testing.T) {
	tests := []struct {
		name, in, command, body string
		bad                     bool
	}{
		{name: "nothing", in: "", bad: true},
		{name: "one zero byte", in: "\x00", bad: true},
		{name: "no name", in: "\x00abc", bad: true},
		{name: "name cut short", in: "\x05REA", bad: true},
		{name: "length without name", in: "\xff", bad: true},
		{name: "without body", in: "\x05READY", command: "READY"},
		{name: "with body", in: "\x04PING\x00\x01", command: "PING", body: "\x00\x01"},
		{name: "unknown", in: "\x01?!", command: "?", body: "!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, body, err := ParseCommand([]byte(tt.in))
			if (err != nil) != tt.bad || string(name) != tt.command || string(body) != tt.body {
				t.Errorf("ParseCommand(%q) = %q, %q, %v", tt.in, name, body, err)
			}
		})
	}
}

func TestAppendCommand(t *testing.T) {
	if got, want := AppendCommand(nil, "SUBSCRIBE", []byte("ab"), []byte("c")), "\x04\x0d\x09SUBSCRIBEabc"; string(got) != want {
		t.Errorf("AppendCommand = %q, want %q", got, want)
	}
	if got, want := AppendCommand(nil, "READY"), "\x04\x06\x05READY"; string(got) != want {
		t.Errorf("AppendCommand = %q, want %q", got, want)
	}
	long := AppendCommand(nil, "CANCEL", make([]byte, 249)) // 256 bytes: the long form
	h, ok, err := ParseHeader(long)
	if !ok || err != nil || h.Flags != FlagCommand|FlagLong || h.Size != 256 || len(long) != h.Len+256 {
		t.Errorf("long command has header %+v, %v, %v and %d bytes", h, ok, err, len(long))
	}
}

func TestAppendPing(t *testing.T) {
	tests := []struct {
		name      string
		ttl, want time.Duration
	}{
		{"none", 0, 0},
		{"less than a tenth", 99 * time.Millisecond, 0},
		{"tenths", 1550 * time.Millisecond, 1500 * time.Millisecond},
		{"default", 30 * time.Second, 30 * time.Second},
		{"longest", MaxTTL, MaxTTL},
		{"too long for libzmq", 70 * time.Second, MaxTTL},
		{"absurd", 1 << 62, MaxTTL},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := AppendPing(nil, tt.ttl)
			if len(b) != 2+7 || !strings.HasPrefix(string(b), "\x04\x07\x04PING") {
				t.Fatalf("AppendPing = %q", b)
			}
			ttl, context, err := ParsePing(b[7:])
			if err != nil || ttl != tt.want || len(context) != 0 {
				t.Errorf("came back as %v, %q, %v, want %v", ttl, context, err, tt.want)
			}
		})
	}
}

func TestParsePing(t *testing.T) {
	tests := []struct {
		name    string
		body    []byte
		ttl     time.Duration
		context string
		bad     bool
	}{
		{name: "nothing", body: nil, bad: true},
		{name: "one byte", body: []byte{1}, bad: true},
		{name: "zero", body: []byte{0, 0}},
		{name: "big-endian tenths", body: []byte{1, 2}, ttl: 258 * 100 * time.Millisecond},
		{name: "longest time", body: []byte{255, 255}, ttl: 6553500 * time.Millisecond},
		{name: "context", body: []byte("\x00\x0ahello"), ttl: time.Second, context: "hello"},
		{name: "longest context", body: append([]byte{0, 1}, make([]byte, 16)...), ttl: 100 * time.Millisecond, context: string(make([]byte, 16))},
		{name: "context too long", body: append([]byte{0, 1}, make([]byte, 17)...), bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ttl, context, err := ParsePing(tt.body)
			if (err != nil) != tt.bad || ttl != tt.ttl || string(context) != tt.context {
				t.Errorf("ParsePing(% x) = %v, %q, %v", tt.body, ttl, context, err)
			}
		})
	}
}

func TestErrorCommand(t *testing.T) {
	for _, reason := range []string{"", "400", strings.Repeat("x", 255)} {
		body := ErrorBody(reason)
		if len(body) != 1+len(reason) || ParseErrorCommand(body) != reason {
			t.Errorf("%q came back as %q", reason, ParseErrorCommand(body))
		}
	}
	if got := ParseErrorCommand(ErrorBody(strings.Repeat("x", 300))); len(got) != 255 {
		t.Errorf("a reason of 300 bytes was cut to %d, want 255", len(got))
	}
	for body, want := range map[string]string{"": "", "\x00": "", "\x00abc": "", "\xff": "", "\xffab": "ab", "\x01ab": "a"} {
		if got := ParseErrorCommand([]byte(body)); got != want {
			t.Errorf("ParseErrorCommand(%q) = %q, want %q", body, got, want)
		}
	}
}

func TestParseCommandKeepsItsInput(t *testing.T) {
	in := []byte("\x05ERROR\x03400")
	name, body, err := ParseCommand(in)
	if err != nil || !bytes.Equal(append(append([]byte{in[0]}, name...), body...), in) {
		t.Errorf("%q was split into %q and %q, %v", in, name, body, err)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		`not "you", 50 %`:          `not "you", 50 %`,
		"größer":                   "größer",
		"a\nlevel=INFO msg=forged": `a\nlevel=INFO msg=forged`,
		"\x1b[2J":                  `\x1b[2J`,
		"\u202egpj":                `\u202egpj`,
		"\xff\x00":                 `\xff\x00`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}
