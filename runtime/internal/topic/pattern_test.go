package topic

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// patternOf builds a pattern: literals and, for *, open fields.
func patternOf(s string) Pattern {
	var p Pattern
	for i, literal := range strings.Split(s, "*") {
		if i > 0 {
			var delim byte
			if literal != "" {
				delim = literal[0]
			}
			p.AddOpen(delim)
		}
		p.AddLiteral(literal)
	}
	return p
}

func TestPattern(t *testing.T) {
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
			if got := p.Prefix(); got != tt.prefix {
				t.Errorf("Prefix() = %q, want %q", got, tt.prefix)
			}
			for _, topic := range tt.in {
				if !p.Matches([]byte(topic)) {
					t.Errorf("does not match %q", topic)
				}
			}
			for _, topic := range tt.out {
				if p.Matches([]byte(topic)) {
					t.Errorf("matches %q", topic)
				}
			}
		})
	}
}

func TestPatternPrefixIsCut(t *testing.T) {
	for _, n := range []int{0, 1, 244, 245, 246, 1000} {
		var p Pattern
		long := strings.Repeat("x", n)
		p.AddLiteral(long)
		if got := len(p.Prefix()); got != min(n, 245) {
			t.Errorf("a literal of %d bytes gives a prefix of %d", n, got)
		}
		if !p.Matches([]byte(long)) || p.Matches([]byte(long+"x")) || n > 0 && p.Matches([]byte(long[1:])) {
			t.Errorf("a literal of %d bytes does not match exactly itself", n)
		}
	}
}

func TestPatternIsValue(t *testing.T) {
	base := patternOf("a/*/*/*/")
	one, two := base, base
	one.AddOpen('.')
	one.AddLiteral(".1")
	two.AddOpen('/')
	two.AddLiteral("/2")
	for p, want := range map[*Pattern]string{&base: "a/*/*/*/", &one: "a/*/*/*/*.1", &two: "a/*/*/*/*/2"} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !one.Matches([]byte("a/x/x/x/x.1")) || !two.Matches([]byte("a/x/x/x/x./2")) {
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
	got := p.Matches([]byte(topic))
	if want := reference(pattern).MatchString(topic); got != want {
		t.Fatalf("%q matches %q: %v, want %v", pattern, topic, got, want)
	}
	if got && !strings.HasPrefix(topic, p.Prefix()) {
		t.Fatalf("%q matches %q, but its prefix %q does not", pattern, topic, p.Prefix())
	}
	return got
}

func TestPatternAgainstRegexp(t *testing.T) {
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

func FuzzPattern(f *testing.F) {
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

func TestPatternAllocations(t *testing.T) {
	p := patternOf("weather/*/temperature/*")
	topics := [][]byte{[]byte("weather/ams/temperature/1"), []byte("weather/ams/humidity"), nil}
	if got := testing.AllocsPerRun(100, func() {
		for _, topic := range topics {
			p.Matches(topic)
		}
	}); got != 0 {
		t.Errorf("%v allocations per match, want 0", got)
	}
}

func BenchmarkPatternMatches(b *testing.B) {
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
				p.Matches(topic)
			}
		})
	}
}
