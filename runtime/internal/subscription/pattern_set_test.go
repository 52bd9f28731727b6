package subscription

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A word is an open field that takes everything up to a slash.
type word struct{}

func (word) Len(topic []byte) int {
	if i := bytes.IndexByte(topic, '/'); i >= 0 {
		return i
	}
	return len(topic)
}

// A template is a pattern in which * is an open field; one that ends with ! is
// conflated. It counts how often patterns are used.
type template struct {
	text string
	used *int
}

func (p template) String() string   { return p.text }
func (p template) Conflated() bool  { *p.used++; return strings.HasSuffix(p.text, "!") }
func (p template) literal() string  { return strings.TrimSuffix(p.text, "!") }
func (p template) parts() []string  { return strings.Split(p.literal(), "*") }
func (p template) Prefix() string   { *p.used++; return p.parts()[0] }
func (p template) open() countedOne { return countedOne{p.used} }

func (p template) AppendSegments(list []Segment) []Segment {
	*p.used++
	parts := p.parts()
	for _, text := range parts[:len(parts)-1] {
		list = append(list, Segment{text, p.open()})
	}
	return append(list, Segment{parts[len(parts)-1], nil})
}

func (p template) Matches(topic []byte) bool {
	*p.used++
	parts := p.parts()
	for i, text := range parts {
		if !bytes.HasPrefix(topic, []byte(text)) {
			return false
		}
		topic = topic[len(text):]
		if i+1 < len(parts) {
			topic = topic[word{}.Len(topic):]
		}
	}
	return len(topic) == 0
}

// A countedOne is a word that counts its use.
type countedOne struct{ used *int }

func (c countedOne) Len(topic []byte) int { *c.used++; return word{}.Len(topic) }

// TestPatternSet adds and removes patterns in any order and compares what the
// set finds with what each pattern says.
func TestPatternSet(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	text := func(open bool) string {
		parts := make([]string, 1+r.IntN(3))
		for i := range parts {
			if parts[i] = []string{"", "a", "b", "ab", "*"}[r.IntN(5)]; parts[i] == "*" && !open {
				parts[i] = "ba"
			}
		}
		return strings.Join(parts, "/")
	}
	var s patternSet
	used := 0
	present := map[string]bool{}
	for step := range 3000 {
		p := template{text(true), &used}
		if r.IntN(2) == 0 {
			if s.add(p, 0) == present[p.text] {
				t.Fatalf("step %d: added %s: %v", step, p.text, present[p.text])
			}
			present[p.text] = true
		} else {
			if old := s.remove(p, 0); (old != nil) != present[p.text] {
				t.Fatalf("step %d: removed %s: %v", step, p.text, present[p.text])
			}
			delete(present, p.text)
		}
		topic, want := []byte(text(false)), false
		for name := range present {
			want = want || template{name, &used}.Matches(topic)
		}
		if taken, _ := s.match(topic); taken != want {
			t.Fatalf("step %d, topic %s: taken %v, want %v", step, topic, taken, want)
		}
	}
	for name := range present {
		s.remove(template{name, &used}, 0)
	}
	if s.root.literals.Len() != 0 || len(s.prefixes) != 0 {
		t.Errorf("%d literals and %v are left", s.root.literals.Len(), s.prefixes)
	}
}

// Patterns conflate a topic only together.
func TestPatternSetConflates(t *testing.T) {
	var s patternSet
	used := 0
	s.add(template{"a/*!", &used}, 0)
	s.add(template{"a/b", &used}, 0)
	for topic, want := range map[string][2]bool{"a/c": {true, true}, "a/b": {true, false}, "a": {}} {
		if taken, conflated := s.match([]byte(topic)); taken != want[0] || conflated != want[1] {
			t.Errorf("%s: %v, %v, want %v", topic, taken, conflated, want)
		}
	}
}

// manyPatterns returns n patterns, whose topics format makes of a number.
func manyPatterns(n int, format string, used *int) (patterns []Pattern) {
	for i := range n {
		patterns = append(patterns, template{fmt.Sprintf(format, i), used})
	}
	return patterns
}

// TestManyPatterns counts how often patterns are used: opening a subscription
// costs the same for each of them, and so does adding one, removing one, and a
// message, however many there are.
func TestManyPatterns(t *testing.T) {
	for _, format := range []string{"w/s%06d", "w/*/s%06d", "w/s%06d/*"} {
		t.Run(format, func(t *testing.T) {
			var costs [][4]int
			for _, n := range []int{100, 10_000} {
				h, _ := newTestHub()
				used := 0
				cost := func(do func()) int { used = 0; do(); return used }
				var s *Subscription
				opened := cost(func() {
					var err error
					if s, err = h.Open(QueueConfig{Messages: 1 << 20, Bytes: 1 << 30}, manyPatterns(n, format, &used), false); err != nil {
						t.Fatal(err)
					}
				})
				topic := strings.ReplaceAll(fmt.Sprintf(format, n/2), "*", "x")
				received := cost(func() { h.Receive(new(testConn), message(topic, "1")) })
				if s.Queued() != 1 {
					t.Fatalf("%d messages are queued, want 1", s.Queued())
				}
				last := template{fmt.Sprintf(format, n-1), &used}
				removed := cost(func() { s.Remove(last) })
				added := cost(func() { s.Add(last) })
				costs = append(costs, [4]int{opened / n, received, removed, added})
				s.Close()
				if h.Usage() != (Usage{}) {
					t.Errorf("%+v is left", h.Usage())
				}
			}
			if costs[0] != costs[1] || slices.Max(costs[0][:]) > 10 {
				t.Errorf("patterns are used %v times (opening each, a message, removing, adding) with 100, %v times with 10,000", costs[0], costs[1])
			}
		})
	}
}

// TestManyResumptions adds many patterns to a subscription that knows many
// topics: each forgets its own topics alone.
func TestManyResumptions(t *testing.T) {
	const n = 2000
	h, _ := newTestHub()
	h.cfg.Topics.Count = n
	used := 0
	s, err := h.Open(QueueConfig{Messages: 1 << 20, Bytes: 1 << 30}, manyPatterns(n, "w/%06d", &used), false)
	if err != nil {
		t.Fatal(err)
	}
	c := new(testConn)
	for i := range n {
		h.Receive(c, message(fmt.Sprintf("w/%06d", i), "", sequencedHeader(uint64(i+1))))
	}
	for i := range n {
		p := template{fmt.Sprintf("w/%06d", i), &used}
		s.Remove(p)
		s.Add(p)
		h.Receive(c, message(p.text, "", sequencedHeader(uint64(2*n+i))))
	}
	used = 0
	gaps, messages := 0, 0
	s.Close()
	s.Each(t.Context(),
		func(*wire.Publication) bool { messages++; return true },
		func(*wire.Publication, Notice) bool { gaps++; return true })
	if messages != 2*n || gaps != 0 || used > 10*n {
		t.Errorf("%d messages, %d gaps, patterns used %d times; want %d, 0, at most %d", messages, gaps, used, 2*n, 10*n)
	}
	if s.patterns.retired != nil {
		t.Errorf("%d removed patterns are kept", len(s.patterns.retired))
	}
}

// Finding the pattern of a message allocates nothing.
func TestPatternSetAllocatesNothing(t *testing.T) {
	var s patternSet
	used := 0
	for _, p := range manyPatterns(1000, "w/*/%d", &used) {
		s.add(p, 0)
	}
	topic := []byte("w/x/500")
	if n := testing.AllocsPerRun(100, func() { s.match(topic) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkManyPatterns opens a subscription with many patterns, and receives
// messages for one.
func BenchmarkManyPatterns(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		used := 0
		patterns := manyPatterns(n, "weather/s%06d/*", &used)
		b.Run(fmt.Sprint("open/", n), func(b *testing.B) {
			for b.Loop() {
				h, _ := newTestHub()
				if _, err := h.Open(roomy, patterns, false); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("receive/", n), func(b *testing.B) {
			h, _ := newTestHub()
			if _, err := h.Open(QueueConfig{Messages: 1, Bytes: 1, Overflow: DropOldest}, patterns, false); err != nil {
				b.Fatal(err)
			}
			batch := make(testBatch, 100)
			for i := range batch {
				batch[i] = [][]byte{fmt.Appendf(nil, "weather/s%06d/rain", i*7919%n), []byte("body")}
			}
			c := new(testConn)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.Receive(c, batch[i%100:i%100+1])
			}
		})
	}
}
