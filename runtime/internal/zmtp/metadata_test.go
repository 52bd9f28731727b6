package zmtp

import (
	"slices"
	"strings"
	"testing"
)

func TestParseMetadata(t *testing.T) {
	tests := []struct {
		name, in string
		want     Metadata
		bad      bool
	}{
		{name: "nothing", in: ""},
		{name: "one", in: "\x0bSocket-Type\x00\x00\x00\x03REQ", want: Metadata{{"Socket-Type", "REQ"}}},
		{
			name: "two, one empty", in: "\x01a\x00\x00\x00\x00\x01b\x00\x00\x00\x01x",
			want: Metadata{{"a", ""}, {"b", "x"}},
		},
		{name: "twice the same", in: "\x01a\x00\x00\x00\x01x\x01a\x00\x00\x00\x01y", bad: true},
		{name: "twice with the same value", in: "\x01a\x00\x00\x00\x01x\x01a\x00\x00\x00\x01x", bad: true},
		{name: "twice in another case", in: "\x02ab\x00\x00\x00\x00\x01c\x00\x00\x00\x00\x02aB\x00\x00\x00\x00", bad: true},
		{name: "twice with a letter that folds", in: "\x02as\x00\x00\x00\x00\x03aſ\x00\x00\x00\x00", bad: true},
		{name: "empty name", in: "\x00\x00\x00\x00\x00", bad: true},
		{name: "name only", in: "\x04ab", bad: true},
		{name: "length of the value cut short", in: "\x01a\x00\x00\x00", bad: true},
		{name: "value cut short", in: "\x01a\x00\x00\x00\x02x", bad: true},
		{name: "value of 2^31", in: "\x01a\x80\x00\x00\x00x", bad: true},
		{name: "value of 2^32-1", in: "\x01a\xff\xff\xff\xff", bad: true},
		{name: "byte behind the last", in: "\x01a\x00\x00\x00\x00\x05", bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseMetadata([]byte(tt.in))
			if (err != nil) != tt.bad || !slices.Equal(got, tt.want) {
				t.Fatalf("ParseMetadata(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
			}
			if err == nil && string(got.Append(nil)) != tt.in {
				t.Errorf("encoded again: %q, want %q", got.Append(nil), tt.in)
			}
		})
	}
}

func TestMetadataGet(t *testing.T) {
	m := Metadata{{"Socket-Type", "REQ"}, {"identity", "me"}, {"Identity", "later"}}
	for name, want := range map[string]string{
		"Socket-Type": "REQ", "SOCKET-TYPE": "REQ", "socket-type": "REQ", "Identity": "me", "X-Gozmq": "",
	} {
		if got := m.Get(name); got != want {
			t.Errorf("Get(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCheckIdentity(t *testing.T) {
	for id, ok := range map[string]bool{
		"": true, "a": true, strings.Repeat("x", 255): true, "a\x00b": true, "\xff": true,
		strings.Repeat("x", 256): false, "\x00": false, "\x00abc": false,
	} {
		if err := CheckIdentity(id); (err == nil) != ok {
			t.Errorf("CheckIdentity(%.10q of %d bytes) = %v", id, len(id), err)
		}
	}
}
