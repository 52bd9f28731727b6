package gozmq

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// patternOf builds a pattern as generated code does: literals and, for *, open
// string fields.
func patternOf(s string) TopicPattern {
	var p TopicPattern
	for i, literal := range strings.Split(s, "*") {
		if i > 0 {
			var delim byte
			if literal != "" {
				delim = literal[0]
			}
			MatchString(&p, Match[string]{}, delim)
		}
		p.Literal(literal)
	}
	return p
}

func TestTopicPattern(t *testing.T) {
	tests := []struct {
		pattern string
		prefix  string
		in, out []string // topics that match, and that do not
	}{
		{"", "", []string{""}, []string{"a", "\x00"}},
		{"greet", "greet", []string{"greet"}, []string{"", "gree", "greets", "greeT"}},
		{"*", "", []string{"", "a", "a%2Fb", "a b", "\xff\x00"}, []string{"a/b", "a:b", "/"}},
		{"a/*", "a/", []string{"a/", "a/b", "a/b%2Fc", "a/\xff"}, []string{"", "a", "b/", "A/b", "a/b/c", "a/b,"}},
		{"*/z", "", []string{"/z", "a/z", "%2F/z"}, []string{"", "z", "a", "a/", "a/b/z", "a/zz", "//z"}},
		{"a/*/z", "a/", []string{"a//z", "a/b/z", "a/\x00/z"}, []string{"a/z", "a/b/c/z", "a/b/z/", "a/b/y", "a/b/"}},
		{"a/*/b/*", "a/", []string{"a//b/", "a/1/b/2"}, []string{"a/1/b", "a/1/c/2", "a/1/2/b/3", "a/1/b/2/3"}},
		{"*.*.*", "", []string{"..", "a.b.c", "a..c", "a.b.c.d"}, []string{"", ".", "a.b"}},
		{"x*xyz", "x", []string{"xxyz", "xaxyz"}, []string{"xyz", "xaxaxyz", "xaxy"}},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			p := patternOf(tt.pattern)
			if got := p.String(); got != tt.pattern {
				t.Errorf("String() = %q", got)
			}
			if got := p.prefix(); string(got) != tt.prefix {
				t.Errorf("prefix() = %q, want %q", got, tt.prefix)
			}
			for _, topic := range tt.in {
				if !p.matches([]byte(topic)) {
					t.Errorf("does not match %q", topic)
				}
			}
			for _, topic := range tt.out {
				if p.matches([]byte(topic)) {
					t.Errorf("matches %q", topic)
				}
			}
		})
	}
}

func TestTopicPatternFields(t *testing.T) {
	build := func(s Match[string], i Match[int64], b Match[bool]) TopicPattern {
		var p TopicPattern
		p.Literal("w/")
		MatchString(&p, s, '/')
		p.Literal("/")
		MatchInt(&p, i, '/')
		p.Literal("/")
		MatchBool(&p, b, 0)
		return p
	}
	var (
		noString Match[string]
		noInt    Match[int64]
		noBool   Match[bool]
	)
	tests := []struct {
		name, want, prefix string
		pattern            TopicPattern
		matches            bool // the topic of "a/b", -3, true
	}{
		{"all open", "w/*/*/*", "w/", build(noString, noInt, noBool), true},
		{"all fixed", "w/a%2Fb/-3/true", "w/a%2Fb/-3/true", build(Eq("a/b"), Eq(int64(-3)), Eq(true)), true},
		{"first fixed", "w/a%2Fb/*/*", "w/a%2Fb/", build(Eq("a/b"), noInt, noBool), true},
		{"last fixed", "w/*/*/true", "w/", build(noString, noInt, Eq(true)), true},
		{"middle fixed", "w/*/-3/*", "w/", build(noString, Eq(int64(-3)), noBool), true},
		{"zero values are values", "w//0/false", "w//0/false", build(Eq(""), Eq(int64(0)), Eq(false)), false},
		{"other string", "w/a/*/*", "w/a/", build(Eq("a"), noInt, noBool), false},
		{"other int", "w/*/-33/*", "w/", build(noString, Eq(int64(-33)), noBool), false},
		{"other bool", "w/*/*/false", "w/", build(noString, noInt, Eq(false)), false},
	}
	topic := []byte("w/")
	topic = append(AppendString(topic, "a/b", '/'), '/')
	topic = append(AppendInt(topic, int64(-3), '/'), '/')
	topic = AppendBool(topic, true, 0)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.pattern.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
			if got := tt.pattern.prefix(); string(got) != tt.prefix {
				t.Errorf("prefix() = %q, want %q", got, tt.prefix)
			}
			if got := tt.pattern.TopicPattern().matches(topic); got != tt.matches {
				t.Errorf("matches(%q) = %v", topic, got)
			}
		})
	}
}

func TestTopicPatternEnum(t *testing.T) {
	tests := []struct {
		name string
		m    Match[bareEnum]
		want string
	}{
		{"open", Match[bareEnum]{}, "e/*"},
		{"named", Eq(bareEnum(1)), "e/ONE"},
		{"unnamed", Eq(bareEnum(7)), "e/7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p TopicPattern
			p.Literal("e/")
			MatchEnum(&p, tt.m, 0)
			if got := p.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
		})
	}
}

// A bareEnum has what a topic needs of an enum and nothing else.
type bareEnum int32

func (e bareEnum) String() string {
	if e == 1 {
		return "ONE"
	}
	return fmt.Sprint(int32(e))
}

func TestTopicPatternPrefixIsCut(t *testing.T) {
	for _, n := range []int{0, 1, 244, 245, 246, 1000} {
		var p TopicPattern
		long := strings.Repeat("x", n)
		p.Literal(long)
		if got := len(p.prefix()); got != min(n, 245) {
			t.Errorf("a literal of %d bytes gives a prefix of %d", n, got)
		}
		if !p.matches([]byte(long)) || p.matches([]byte(long+"x")) || n > 0 && p.matches([]byte(long[1:])) {
			t.Errorf("a literal of %d bytes does not match exactly itself", n)
		}
	}
}

func TestTopicPatternIsValue(t *testing.T) {
	base := patternOf("a/*/*/*/")
	one, two := base, base
	MatchString(&one, Match[string]{}, '.')
	one.Literal(".1")
	MatchString(&two, Match[string]{}, '/')
	two.Literal("/2")
	prefix := base.prefix()
	prefix[0] = 'z'
	for p, want := range map[*TopicPattern]string{&base: "a/*/*/*/", &one: "a/*/*/*/*.1", &two: "a/*/*/*/*/2"} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !one.matches([]byte("a/x/x/x/x.1")) || !two.matches([]byte("a/x/x/x/x./2")) {
		t.Error("a field's delimiter was changed through a copy")
	}
}

// reference says what a pattern means as a regular expression.
func reference(pattern string) *regexp.Regexp {
	const escaped = `!"#$&'()*+,/:;<=>?@\[\\\]^` + "`{|}"
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i, literal := range strings.Split(pattern, "*") {
		switch {
		case i == 0:
		default:
			b.WriteString(`[^` + escaped + regexp.QuoteMeta(literal[:min(1, len(literal))]) + `]*`)
		}
		b.WriteString(regexp.QuoteMeta(literal))
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

func checkPattern(t testing.TB, pattern, topic string) bool {
	t.Helper()
	p := patternOf(pattern)
	got := p.matches([]byte(topic))
	if want := reference(pattern).MatchString(topic); got != want {
		t.Fatalf("%q matches %q: %v, want %v", pattern, topic, got, want)
	}
	if got && !strings.HasPrefix(topic, string(p.prefix())) {
		t.Fatalf("%q matches %q, but its prefix %q does not", pattern, topic, p.prefix())
	}
	return got
}

func TestTopicPatternAgainstRegexp(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	text := func(alphabet string, n int) string {
		b := make([]byte, r.IntN(n))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	matched := 0
	for range 20_000 {
		pattern := text("*//ab", 8)
		for strings.Contains(pattern, "**") {
			pattern = strings.ReplaceAll(pattern, "**", "*")
		}
		topic := text("/ab", 8)
		if r.IntN(2) == 0 { // one that is likely to match
			topic = strings.ReplaceAll(pattern, "*", text("ab", 3))
		}
		if checkPattern(t, pattern, topic) {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d topics matched", matched)
	}
}

func FuzzTopicPattern(f *testing.F) {
	f.Add("weather/*/temperature", "weather/ams/temperature")
	f.Add("*", "")
	f.Add("a/*.b", "a/.b")
	f.Add("", "\x00")
	f.Fuzz(func(t *testing.T, pattern, topic string) {
		for _, s := range []string{pattern, topic} {
			for i := range len(s) {
				if s[i] >= 0x80 {
					return // the reference works on characters
				}
			}
		}
		if strings.Contains(pattern, "**") || strings.Contains(pattern, "*\x00") {
			return // templates cannot have them
		}
		checkPattern(t, pattern, topic)
	})
}

func TestTopicPatternAllocations(t *testing.T) {
	p := patternOf("weather/*/temperature/*")
	topics := [][]byte{[]byte("weather/ams/temperature/1"), []byte("weather/ams/humidity"), nil}
	if got := testing.AllocsPerRun(100, func() {
		for _, topic := range topics {
			p.matches(topic)
		}
	}); got != 0 {
		t.Errorf("%v allocations per match, want 0", got)
	}
}

func BenchmarkTopicPatternMatches(b *testing.B) {
	hostile := strings.Repeat("a/", 50_000)
	for _, tt := range []struct{ name, pattern, topic string }{
		{"fixed", "weather/ams/temperature", "weather/ams/temperature"},
		{"open", "weather/*/temperature", "weather/ams/temperature"},
		{"other", "weather/*/temperature", "weather/ams/humidity"},
		{"hostile 100 kB", "*/*/*/*/z", hostile},
	} {
		b.Run(tt.name, func(b *testing.B) {
			p, topic := patternOf(tt.pattern), []byte(tt.topic)
			b.ReportAllocs()
			for b.Loop() {
				p.matches(topic)
			}
		})
	}
}
