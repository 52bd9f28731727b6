package zmtp

import (
	"strings"
	"testing"
)

// greeting returns the 64 bytes of a greeting with that version and mechanism.
func greeting(major, minor byte, mechanism string) []byte {
	b := make([]byte, GreetingSize)
	b[0], b[9], b[10], b[11] = 0xff, 0x7f, major, minor
	copy(b[12:32], mechanism)
	return b
}

func TestParseGreeting(t *testing.T) {
	with := func(b []byte, offset int, value byte) []byte {
		b[offset] = value
		return b
	}
	tests := []struct {
		name  string
		in    []byte
		want  Greeting
		fault string
	}{
		{name: "3.0", in: greeting(3, 0, "NULL"), want: Greeting{0, "NULL"}},
		{name: "3.1", in: greeting(3, 1, "NULL"), want: Greeting{1, "NULL"}},
		{name: "3.9", in: greeting(3, 9, "NULL"), want: Greeting{9, "NULL"}},
		{name: "a later major version is spoken to as ours", in: greeting(4, 0, "NULL"), want: Greeting{Minor, "NULL"}},
		{name: "other mechanism", in: greeting(3, 1, "CURVE"), want: Greeting{1, "CURVE"}},
		{name: "mechanism of twenty bytes", in: greeting(3, 1, "ABCDEFGHIJKLMNOPQRST"), want: Greeting{1, "ABCDEFGHIJKLMNOPQRST"}},
		{name: "no mechanism", in: greeting(3, 1, ""), want: Greeting{1, ""}},
		{name: "padding is not looked at", in: with(with(with(greeting(3, 1, "NULL"), 1, 9), 8, 1), 63, 0xee), want: Greeting{1, "NULL"}},
		{name: "version 2", in: greeting(2, 0, "NULL"), fault: "before version 3"},
		{name: "version 1", in: greeting(1, 0, ""), fault: "before version 3"},
		{name: "version 0", in: greeting(0, 0, ""), fault: "before version 3"},
		{name: "wrong first byte", in: with(greeting(3, 1, "NULL"), 0, 0xfe), fault: "signature"},
		{name: "wrong tenth byte", in: with(greeting(3, 1, "NULL"), 9, 0x7e), fault: "signature"},
		{name: "http", in: []byte(strings.Repeat("GET / HTTP/1.1\r\n", 4)), fault: "signature"},
		{name: "zeros", in: make([]byte, GreetingSize), fault: "signature"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseGreeting(tt.in)
			if tt.fault == "" && (err != nil || got != tt.want) {
				t.Errorf("ParseGreeting = %+v, %v, want %+v", got, err, tt.want)
			}
			if tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("ParseGreeting = %+v, %v, want an error that names %q", got, err, tt.fault)
			}
		})
	}
}
