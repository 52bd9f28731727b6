package topic

import "testing"

func TestPrefix(t *testing.T) {
	for _, tt := range []struct {
		short, long string
		example     string
		ok          bool
	}{
		{"a", "ab", "a", true},
		{"ab", "a", "", false},
		{"a/{x}", "a/{x}/t", "a/", true},
		{"a/{x}/t", "a/{x}", "", false},
		{"a/{x}/", "a/{y}/t", "a//", true},
		{"a/b/", "a/{y}/t", "a/b/", true},
		{"a/{x}", "b/{x}", "", false},
		{"same", "same", "same", true},
	} {
		a, faults := Parse(tt.short)
		b, more := Parse(tt.long)
		if len(faults)+len(more) > 0 {
			t.Fatal(faults, more)
		}
		if example, ok := Prefix(a, b); example != tt.example || ok != tt.ok {
			t.Errorf("Prefix(%q, %q) is %q, %t, want %q, %t", tt.short, tt.long, example, ok, tt.example, tt.ok)
		}
	}
}
