package prefix

import (
	"fmt"
	"testing"
)

func benchTopic(i int) []byte { return fmt.Appendf(nil, "weather/station-%d/temperature", i) }

// filled returns a tree of n prefixes, held by 100 subscribers in turn.
func filled(n int) *Tree[*int] {
	subs := make([]*int, 100)
	for i := range subs {
		subs[i] = new(int)
	}
	tree := new(Tree[*int])
	for i := range n {
		tree.Add(benchTopic(i), subs[i%len(subs)])
	}
	return tree
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		tree := filled(n)
		for _, tt := range []struct {
			name  string
			topic []byte
		}{{"hit", benchTopic(n / 2)}, {"miss", []byte("weather/station-x/temperature")}} {
			b.Run(fmt.Sprintf("%s/prefixes=%d", tt.name, n), func(b *testing.B) {
				b.ReportAllocs()
				visits := 0
				for b.Loop() {
					tree.Match(tt.topic, func(*int) { visits++ })
				}
			})
		}
	}
}

// BenchmarkMatchSpread looks up a different topic each time, as a publisher of
// many topics does.
func BenchmarkMatchSpread(b *testing.B) {
	const n = 100_000
	tree := filled(n)
	topics := make([][]byte, 1<<12)
	for i := range topics {
		topics[i] = benchTopic(i * 7919 % n)
	}
	b.ReportAllocs()
	visits, i := 0, 0
	for b.Loop() {
		i++
		tree.Match(topics[i%len(topics)], func(*int) { visits++ })
	}
	if visits != i {
		b.Fatalf("%d visits in %d lookups", visits, i)
	}
}

func BenchmarkMatchSubscribers(b *testing.B) {
	const subscribers = 1000
	for _, prefixes := range [][]string{{"weather/"}, {"weather/", "weather/ams"}} {
		b.Run(fmt.Sprintf("prefixes=%d", len(prefixes)), func(b *testing.B) {
			var tree Tree[*int]
			for range subscribers {
				s := new(int)
				for _, p := range prefixes {
					tree.Add([]byte(p), s)
				}
			}
			topic := []byte("weather/ams/temperature")
			b.ReportAllocs()
			visits := 0
			for b.Loop() {
				tree.Match(topic, func(*int) { visits++ })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(visits), "ns/subscriber")
		})
	}
}

func BenchmarkAddRemove(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("prefixes=%d", n), func(b *testing.B) {
			tree := filled(n)
			s, topic := new(int), []byte("weather/station-7777x/temperature")
			tree.Add([]byte("kept"), s)
			b.ReportAllocs()
			for b.Loop() {
				tree.Add(topic, s)
				tree.Remove(topic, s)
			}
		})
	}
}

func BenchmarkRemoveAll(b *testing.B) {
	const each = 1000
	tree := filled(100_000)
	s := new(int)
	b.ReportAllocs()
	for b.Loop() {
		for i := range each {
			tree.Add(benchTopic(1_000_000+i), s)
		}
		tree.RemoveAll(s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/each, "ns/prefix")
}
