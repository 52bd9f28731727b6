package topic

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	typeDouble = descriptorpb.FieldDescriptorProto_TYPE_DOUBLE
	noType     = descriptorpb.FieldDescriptorProto_Type(-7)
)

func TestAppendTopicField(t *testing.T) {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"empty string", AppendString(nil, "", '/'), ""},
		{"plain string", AppendString(nil, plain, '/'), plain},
		{"delimiter", AppendString(nil, "a/b", '/'), "a%2Fb"},
		{"percent", AppendString(nil, "100%2F", '/'), "100%252F"},
		{"not the delimiter, but not plain", AppendString(nil, "a/b", ':'), "a%2Fb"},
		{"plain delimiter", AppendString(nil, "a.b-c", '.'), "a%2Eb-c"},
		{"letter as delimiter", AppendString(nil, "xyx", 'x'), "%78y%78"},
		{"nothing follows", AppendString(nil, "a.b/c", 0), "a.b%2Fc"},
		{"zero byte", AppendString(nil, "\x00", 0), "%00"},
		{"text beyond ASCII", AppendString(nil, "Zürich", '/'), "Z%C3%BCrich"},
		{"not UTF-8", AppendString(nil, "\xff\x80", '/'), "%FF%80"},
		{"delimiter beyond ASCII", AppendString(nil, "é", "é"[0]), "%C3%A9"},
		{"kept in front", AppendString([]byte("weather/"), "a b", '/'), "weather/a%20b"},
		{"int", AppendInt(nil, int32(42), '/'), "42"},
		{"zero", AppendInt(nil, uint32(0), '/'), "0"},
		{"negative", AppendInt(nil, int64(-5), '/'), "-5"},
		{"negative before a dash", AppendInt(nil, int64(-5), '-'), "%2D5"},
		{"smallest", AppendInt(nil, int64(math.MinInt64), '/'), "-9223372036854775808"},
		{"smallest of 32 bits", AppendInt(nil, int32(math.MinInt32), '/'), "-2147483648"},
		{"largest", AppendInt(nil, uint64(math.MaxUint64), '/'), "18446744073709551615"},
		{"true", AppendBool(nil, true, '/'), "true"},
		{"false", AppendBool(nil, false, '/'), "false"},
		{"true before a t", AppendBool(nil, true, 't'), "%74rue"},
		{"enum", AppendEnum(nil, typeDouble, '/'), "TYPE_DOUBLE"},
		{"enum before an underscore", AppendEnum(nil, typeDouble, '_'), "TYPE%5FDOUBLE"},
		{"enum without a name", AppendEnum(nil, noType, '/'), "-7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if string(tt.got) != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

// checkField checks what a topic relies on: the field has no delimiter in it,
// is readable text, and says which value it was.
func checkField(t testing.TB, v string, delim byte) {
	t.Helper()
	got := AppendString(nil, v, delim)
	if bytes.IndexByte(got, delim) >= 0 {
		t.Fatalf("AppendString(%q, %q) = %q contains the delimiter", v, delim, got)
	}
	for i, c := range got {
		if !isPlain(c) && c != '%' {
			t.Fatalf("AppendString(%q, %q) = %q contains %q at %d", v, delim, got, c, i)
		}
	}
	if back, err := url.PathUnescape(string(got)); back != v || err != nil {
		t.Fatalf("AppendString(%q, %q) = %q, which means %q, %v", v, delim, got, back, err)
	}
	if want := escapeSlowly(v, delim); string(got) != want {
		t.Fatalf("AppendString(%q, %q) = %q, want %q", v, delim, got, want)
	}
}

func escapeSlowly(v string, delim byte) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	var b strings.Builder
	for _, c := range []byte(v) {
		if strings.IndexByte(plain, c) >= 0 && c != delim {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// isDelim reports whether a template may have c after a field.
func isDelim(c byte) bool {
	return c != '%' && (c < '0' || c > '9') && (c < 'A' || c > 'F')
}

func TestAppendStringRoundTrip(t *testing.T) {
	for c := range 256 {
		for delim := range 256 {
			if isDelim(byte(delim)) {
				checkField(t, string([]byte{'a', byte(c), 'b'}), byte(delim))
			}
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		v := make([]byte, r.IntN(40))
		for i := range v {
			v[i] = byte(r.Uint32())
		}
		checkField(t, string(v), '/')
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("", byte('/'))
	f.Add("a/b%2F", byte('/'))
	f.Add("Zürich\x00\xff", byte('.'))
	f.Add("-_.~", byte('~'))
	f.Fuzz(func(t *testing.T, v string, delim byte) {
		if isDelim(delim) {
			checkField(t, v, delim)
		}
	})
}

func TestAppendTopicAllocations(t *testing.T) {
	b := make([]byte, 0, 256)
	if got := testing.AllocsPerRun(100, func() {
		b = append(b[:0], "weather/"...)
		b = AppendString(b, "Zürich north", '/')
		b = AppendInt(b, int64(-123456789), '/')
		b = AppendInt(b, uint32(7), '/')
		b = AppendBool(b, true, '/')
		b = AppendEnum(b, typeDouble, '/')
	}); got != 0 {
		t.Errorf("%v allocations per topic, want 0", got)
	}
}

func BenchmarkAppendTopic(b *testing.B) {
	for _, tt := range []struct{ name, value string }{
		{"plain", "amsterdam-north"},
		{"escaped", "zürich/nord 7"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			buf := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				buf = append(buf[:0], "weather/"...)
				buf = AppendString(buf, tt.value, '/')
				buf = append(buf, '/')
				buf = AppendInt(buf, int32(1234), 0)
			}
		})
	}
}
