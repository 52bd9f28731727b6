package zmtp

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

var fuzzLimits = Limits{MaxFrame: 1 << 11, MaxMessage: 1 << 12, MaxFrames: 32, MaxCommand: 256}

// FuzzScanner checks that it does not matter in which pieces bytes come, that
// nothing is kept beyond the limits, and that what was found is what was sent.
func FuzzScanner(f *testing.F) {
	f.Add([]byte{}, uint16(1))
	f.Add(message("a", "", "b"), uint16(3))
	f.Add(append(AppendPing(AppendFrameString(nil, FlagMore, "a"), 0), 0, 0), uint16(5))
	f.Add([]byte("\x03\x7f\xff\xff\xff\xff\xff\xff\xff"), uint16(2))
	f.Add(bytes.Repeat([]byte{FlagMore, 0}, 64), uint16(9))
	f.Add(append(message("a", "", strings.Repeat("x", 3000), "h"), message("b")...), uint16(11))
	f.Add(append(AppendFrameString(AppendPing(AppendFrame(nil, FlagMore, make([]byte, 2500)), 0), FlagMore, ""), 0, 0, 0, 1, 'c'), uint16(4))
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		whole := inPieces(t, in, cut, fuzzLimits)
		dropping := fuzzLimits
		dropping.MaxDropped = 1 << 14
		if n := inPieces(t, in, cut, dropping); len(n) < len(whole) || !slices.Equal(n[:len(whole)], whole) {
			t.Fatalf("%q when messages are passed over, %q when not", n, whole)
		}
		without := Limits{MaxFrame: math.MaxInt, MaxMessage: math.MaxInt, MaxFrames: math.MaxInt, MaxCommand: 8 << 10}
		if n, _, err := scan(in, 1, without); err == nil && len(n) < len(whole) {
			t.Fatalf("%d tokens without limits, %d with them", len(n), len(whole))
		}
		encodedAgain(t, in)
	})
}

// FuzzAlike: what is found the quick way is what the scanner finds.
func FuzzAlike(f *testing.F) {
	f.Add([]byte("\x01\x01a\x00\x01b\x01\x01a\x00\x00"))
	f.Add([]byte("\x01\x01a\x01\x01b\x00\x00"))
	f.Add([]byte("\x01\x00\x00\x05abc"))
	f.Add([]byte("\x03\x00\x00\x00\x00\x00\x00\x00\x01a\x00\x01b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := Scanner{Limits: fuzzLimits}
		token, err := s.Next(in)
		var first []byte
		if len(in) > 1 && len(in) >= 2+int(in[1]) {
			first = ShortFrame(in, Span{2, 2 + int(in[1])})
		}
		n := 0
		if first != nil {
			n = Alike(in, first)
		}
		if n > 0 != (err == nil && token == Message && len(s.spans) == 2 && s.spans[0].Start == 2 && s.spans[1].Start == s.spans[0].End+2) {
			t.Fatalf("%x: %d bytes, %v, %v, %v", in, n, token, err, s.spans)
		}
		if n > 0 && n != s.Passed() {
			t.Fatalf("%x: %d bytes, the scanner finds %d", in, n, s.Passed())
		}
		if n > 0 && (Alike(in[:n-1], first) > 0 || Alike(append([]byte{1, 0}, in...), first) > 0 && in[1] > 0) {
			t.Fatalf("%x is found where it is not", in)
		}
	})
}

// inPieces returns what is found in in, however it comes.
func inPieces(t *testing.T, in []byte, cut uint16, limits Limits) []string {
	whole, _, wholeErr := scan(in, len(in)+1, limits)
	for _, step := range []int{1, 1 + int(cut)%(len(in)+1)} {
		pieces, kept, err := scan(in, step, limits)
		if (err == nil) != (wholeErr == nil) || strings.Join(pieces, "\n") != strings.Join(whole, "\n") {
			t.Fatalf("%d bytes at a time: %q, %v; at once: %q, %v", step, pieces, err, whole, wholeErr)
		}
		if bound := limits.MaxMessage + limits.MaxCommand + 9*(limits.MaxFrames+1) + step; kept > bound {
			t.Fatalf("%d bytes at a time: %d bytes were kept, want at most %d", step, kept, bound)
		}
	}
	return whole
}

// encodedAgain decodes messages without commands and checks that encoding them
// gives messages that decode to the same.
func encodedAgain(t *testing.T, in []byte) {
	s := Scanner{Limits: fuzzLimits}
	for rest := in; ; {
		token, err := s.Next(rest)
		if err != nil || token == NeedMore {
			return
		}
		if token == Message {
			var frames []string
			for _, frame := range s.Frames(rest) {
				frames = append(frames, string(frame))
			}
			again := message(frames...)
			if len(again) > s.Passed() {
				t.Fatalf("%d bytes became %d", s.Passed(), len(again))
			}
			if n := MessageSize(again); n != len(again) {
				t.Fatalf("MessageSize finds %d bytes of a message of %d", n, len(again))
			}
			found, _, err := scan(again, 1, fuzzLimits)
			if err != nil || len(found) != 1 {
				t.Fatalf("%q encoded again gave %q, %v", frames, found, err)
			}
		} else if !s.Idle() {
			continue
		}
		rest = rest[s.Skip():]
	}
}

// FuzzParseCommand checks that a command and its parts encode to each other.
func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{"", "\x00", "\x05READY", "\x04PING\x00\x01ctx", "\xff", "\x04\x09^RROR\x03400", "\x05ERROR\x03400"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		name, body, err := ParseCommand(in)
		if err != nil {
			if len(in) > 0 && in[0] > 0 && len(in) > int(in[0]) {
				t.Fatalf("% x: %v", in, err)
			}
			return
		}
		out := AppendCommand(nil, string(name), body)
		h, ok, err := ParseHeader(out)
		if !ok || err != nil || !h.Command() || !bytes.Equal(out[h.Len:], in) {
			t.Fatalf("% x became % x", in, out)
		}
		if reason := ParseErrorCommand(body); len(reason) > 255 || len(reason) > len(body) {
			t.Fatalf("reason of %d bytes in a body of %d", len(reason), len(body))
		}
	})
}

// FuzzParseMetadata checks that decoding and encoding are each other's inverse.
func FuzzParseMetadata(f *testing.F) {
	for _, seed := range []string{
		"", "\x00", "\x0bSocket-Type\x00\x00\x00\x06ROUTER\x08Identity\x00\x00\x00\x02me\x07X-Gozmq\x00\x00\x00\x011",
		"\x01a\xff\xff\xff\xff", "\x01a\x00\x00\x00\x00\x05", "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParseMetadata(in)
		if err != nil {
			return
		}
		if out := m.Append(nil); !bytes.Equal(out, in) {
			t.Fatalf("% x became % x", in, out)
		}
		for _, p := range m {
			if p.Name == "" {
				t.Fatal("a property without a name")
			}
			first := slices.IndexFunc(m, func(q Property) bool { return strings.EqualFold(q.Name, p.Name) })
			if m.Get(p.Name) != m[first].Value {
				t.Fatalf("%q is not found", p.Name)
			}
		}
	})
}

// FuzzParsePing checks that a PING that is taken encodes to the same bytes.
func FuzzParsePing(f *testing.F) {
	for _, seed := range []string{"", "\x00", "\x00\x00", "\x01\x2ccontext", "\xff\xff0123456789abcdef", "\x00\x000123456789abcdefg"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		ttl, context, err := ParsePing(in)
		if (err == nil) != (len(in) >= 2 && len(in) <= 18) {
			t.Fatalf("%d bytes: %v", len(in), err)
		}
		if err != nil {
			return
		}
		if len(context) != len(in)-2 || ttl < 0 {
			t.Fatalf("% x: ttl %v, context % x", in, ttl, context)
		}
		if again := AppendPing(nil, ttl); ttl <= MaxTTL && !bytes.Equal(again[7:], in[:2]) {
			t.Fatalf("% x became % x", in[:2], again[7:])
		}
	})
}

// FuzzGreeting checks which greetings are taken, whatever else is in them.
func FuzzGreeting(f *testing.F) {
	f.Add(greeting(3, 1, "NULL"))
	f.Add(greeting(3, 0, "CURVE"))
	f.Add(greeting(2, 0, "NULL"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		b := make([]byte, GreetingSize)
		copy(b, in)
		g, err := ParseGreeting(b)
		if good := b[0] == 0xff && b[9] == 0x7f && b[10] >= 3; good != (err == nil) {
			t.Fatalf("% x: %v", b, err)
		}
		if err == nil && (len(g.Mechanism) > 20 || strings.Contains(g.Mechanism, "\x00")) {
			t.Fatalf("mechanism %q", g.Mechanism)
		}
	})
}
