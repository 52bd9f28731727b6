package prefix

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomText returns one of few texts, of which many begin with others.
func randomText(r *rand.Rand) string {
	b := make([]byte, r.IntN(7))
	for i := range b {
		b[i] = "abc"[r.IntN(3)]
	}
	return string(b)
}

// TestMap compares a Map with Go's map and a search of all its keys.
func TestMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var m Map[int]
	model := make(map[string]int)
	for i := range 3000 {
		text := randomText(r)
		if _, had := model[text]; r.IntN(2) == 0 {
			m.Put(text, i)
			model[text] = i
		} else {
			if got := m.Delete(text); got != had {
				t.Fatalf("Delete(%q) = %v, want %v", text, got, had)
			}
			delete(model, text)
		}
		checkMap(t, &m, model, randomText(r))
	}
	for text := range maps.Clone(model) {
		m.Delete(text)
		delete(model, text)
		checkMap(t, &m, model, text)
	}
	if m.root.kids != nil || m.root.first != nil {
		t.Error("an empty Map has entries")
	}
}

func checkMap(t *testing.T, m *Map[int], model map[string]int, topic string) {
	t.Helper()
	want, ok := model[topic]
	if got, there := m.Get(topic); got != want || there != ok {
		t.Fatalf("Get(%q) = %d, %v, want %d, %v", topic, got, there, want, ok)
	}
	if m.Len() != len(model) {
		t.Fatalf("Len() = %d, want %d", m.Len(), len(model))
	}
	var found, wanted []int
	m.Match([]byte(topic), func(v int) { found = append(found, v) })
	for _, text := range slices.Sorted(maps.Keys(model)) {
		if strings.HasPrefix(topic, text) {
			wanted = append(wanted, model[text])
		}
	}
	if !slices.Equal(found, wanted) {
		t.Fatalf("Match(%q) finds %v, want %v", topic, found, wanted)
	}
	checkEntry(t, &m.root, true)
}

// checkEntry checks that no entry is without use.
func checkEntry(t *testing.T, e *entry[int], root bool) {
	t.Helper()
	if !root && (e.label == "" || !e.held && len(e.kids) < 2) {
		t.Fatalf("the entry %q has no value and %d kids", e.label, len(e.kids))
	}
	for i, k := range e.kids {
		if k.label[0] != e.first[i] {
			t.Fatalf("the entry %q is known by %q", k.label, e.first[i])
		}
		checkEntry(t, k, false)
	}
}

func TestMapAllocations(t *testing.T) {
	var m Map[int]
	for i := range 1000 {
		m.Put(strings.Repeat("a", i%50)+string(rune('a'+i%26)), i)
	}
	topic := []byte(strings.Repeat("a", 60))
	if got := testing.AllocsPerRun(100, func() { m.Match(topic, func(int) {}) }); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
