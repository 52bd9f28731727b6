package prefix

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A model does what a Tree does, slowly: prefix → subscribers.
type model map[string]map[int]bool

func (m model) add(prefix string, s int) bool {
	if m[prefix][s] {
		return false
	}
	if m[prefix] == nil {
		m[prefix] = make(map[int]bool)
	}
	m[prefix][s] = true
	return true
}

func (m model) remove(prefix string, s int) bool {
	if !m[prefix][s] {
		return false
	}
	delete(m[prefix], s)
	if len(m[prefix]) == 0 {
		delete(m, prefix)
	}
	return true
}

func (m model) held(s int) []string {
	var all []string
	for prefix, subs := range m {
		if subs[s] {
			all = append(all, prefix)
		}
	}
	slices.Sort(all)
	return all
}

func (m model) match(topic string) []int {
	found := make(map[int]bool)
	for prefix, subs := range m {
		if strings.HasPrefix(topic, prefix) {
			maps.Copy(found, subs)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// A pair runs every operation on a tree and a model and compares.
type pair struct {
	t     testing.TB
	tree  Tree[int]
	model model
}

func newPair(t testing.TB) *pair { return &pair{t: t, model: make(model)} }

func (p *pair) add(prefix string, s int) {
	p.t.Helper()
	b := []byte(prefix)
	got, want := p.tree.Add(b, s), p.model.add(prefix, s)
	for i := range b {
		b[i] ^= 0xff // the tree must have copied it
	}
	if got != want {
		p.t.Fatalf("Add(%q, %d) = %v, want %v", prefix, s, got, want)
	}
}

func (p *pair) remove(prefix string, s int) {
	p.t.Helper()
	if got, want := p.tree.Remove([]byte(prefix), s), p.model.remove(prefix, s); got != want {
		p.t.Fatalf("Remove(%q, %d) = %v, want %v", prefix, s, got, want)
	}
}

func (p *pair) removeAll(s int) {
	p.t.Helper()
	want := p.model.held(s)
	var got []string
	for prefix := range p.tree.Held(s) {
		got = append(got, string(prefix))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		p.t.Fatalf("Held(%d) = %q, want %q", s, got, want)
	}
	for range p.tree.Held(s) {
		break
	}
	for _, prefix := range want {
		p.model.remove(prefix, s)
	}
	if n := p.tree.RemoveAll(s); n != len(want) {
		p.t.Fatalf("RemoveAll(%d) = %d, want %d", s, n, len(want))
	}
}

// under compares what is held under a text.
func (p *pair) under(text string) {
	p.t.Helper()
	var got, want []int
	for s := range p.tree.Under([]byte(text)) {
		got = append(got, s)
	}
	for range p.tree.Under([]byte(text)) {
		break
	}
	for prefix, subs := range p.model {
		if strings.HasPrefix(prefix, text) {
			want = append(want, slices.Collect(maps.Keys(subs))...)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.t.Fatalf("Under(%q) visited %v, want %v", text, got, want)
	}
}

func (p *pair) match(topic string) {
	p.t.Helper()
	got := []int{}
	p.tree.Match([]byte(topic), func(s int) { got = append(got, s) })
	slices.Sort(got)
	want := p.model.match(topic)
	if !slices.Equal(got, want) {
		p.t.Fatalf("Match(%q) visited %v, want %v", topic, got, want)
	}
	if got := p.tree.Matches([]byte(topic)); got != (len(want) > 0) {
		p.t.Fatalf("Matches(%q) = %v", topic, got)
	}
	for s := range 4 {
		if got := p.tree.Covers(s, []byte(topic)); got != slices.Contains(want, s) {
			p.t.Fatalf("Covers(%d, %q) = %v", s, topic, got)
		}
	}
	p.under(topic)
}

// check compares the sizes and looks at the tree's inside.
func (p *pair) check() {
	p.t.Helper()
	if got := p.tree.Len(); got != len(p.model) {
		p.t.Fatalf("Len() = %d, want %d", got, len(p.model))
	}
	subs := make(map[int]int)
	for prefix, held := range p.model {
		if got := p.tree.Subscribers([]byte(prefix)); got != len(held) {
			p.t.Fatalf("Subscribers(%q) = %d, want %d", prefix, got, len(held))
		}
		for s := range held {
			subs[s]++
		}
	}
	for s := -1; s < 10; s++ {
		if got := p.tree.Count(s); got != subs[s] {
			p.t.Fatalf("Count(%d) = %d, want %d", s, got, subs[s])
		}
	}
	if got := p.tree.subscribers.len(); got != len(subs) {
		p.t.Fatalf("%d subscribers are known, want %d", got, len(subs))
	}
	checkNode(p.t, &p.tree.root, "")
}

// checkNode checks what the node's comment promises, and that no slice has kept
// much more memory than it needs.
func checkNode(t testing.TB, n *node[int], prefix string) {
	t.Helper()
	if got := string(n.appendPrefix(nil)); got != prefix {
		t.Fatalf("node %q thinks it is %q", prefix, got)
	}
	root := n.parent == nil
	if root != (len(n.label) == 0) || !root && len(n.holders) == 0 && len(n.kids) < 2 {
		t.Fatalf("node %q with label %q, %d holders and %d kids should not be", prefix, n.label, len(n.holders), len(n.kids))
	}
	for what, size := range map[string][2]int{
		"kids":    {len(n.kids), cap(n.kids)},
		"first":   {len(n.first), cap(n.first)},
		"holders": {len(n.holders), cap(n.holders)},
	} {
		if size[1] > max(2*keep, 4*size[0]+4) {
			t.Fatalf("node %q: room for %d %s, %d used", prefix, size[1], what, size[0])
		}
	}
	for i, h := range n.holders {
		if at := h.sub.held[h.at]; at.node != n || at.i != i {
			t.Fatalf("node %q: holder %d thinks it is at %d of %q", prefix, i, at.i, at.node.appendPrefix(nil))
		}
		if at := n.find(h.sub); at != i {
			t.Fatalf("node %q: holder %d is found at %d", prefix, i, at)
		}
	}
	for i, k := range n.kids {
		if k.parent != n || n.first[i] != k.label[0] || bytes.Count(n.first, n.first[i:i+1]) != 1 {
			t.Fatalf("node %q: kid %d is not where it belongs", prefix, i)
		}
		checkNode(t, k, prefix+string(k.label))
	}
}

func TestTree(t *testing.T) {
	type step struct {
		op     string // + add, - remove, x remove all
		prefix string
		s      int
	}
	topics := []string{"", "A", "AA", "AAPL", "AAPLE", "AAL", "B", "\x00", "\xff\xff", "weather/ams/x"}
	tests := []struct {
		name  string
		steps []step
	}{
		{"empty", nil},
		{"one", []step{{"+", "AA", 1}}},
		{"twice is once", []step{{"+", "AA", 1}, {"+", "AA", 1}, {"-", "AA", 1}, {"-", "AA", 1}}},
		{"everything", []step{{"+", "", 1}, {"+", "", 2}, {"-", "", 1}}},
		{"nested", []step{{"+", "A", 1}, {"+", "AA", 1}, {"+", "AAPL", 1}, {"+", "", 1}, {"-", "AA", 1}}},
		{"split and join", []step{{"+", "AAPL", 1}, {"+", "AAL", 2}, {"-", "AAL", 2}, {"-", "AAPL", 1}}},
		{"join keeps the held", []step{{"+", "AAPL", 1}, {"+", "AA", 2}, {"-", "AA", 2}, {"-", "AAPL", 1}}},
		{"remove a prefix of a prefix", []step{{"+", "AAPL", 1}, {"-", "AA", 1}, {"-", "AAPLE", 1}, {"-", "B", 1}}},
		{"remove another's", []step{{"+", "AA", 1}, {"-", "AA", 2}, {"+", "B", 2}, {"-", "AA", 2}}},
		{"remove all", []step{{"+", "A", 1}, {"+", "AAPL", 1}, {"+", "AAPL", 2}, {"+", "B", 2}, {"x", "", 1}, {"x", "", 1}, {"x", "", 2}}},
		{"any bytes", []step{{"+", "\x00", 1}, {"+", "\xff", 1}, {"+", "\xff\xff", 2}, {"-", "\xff", 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t)
			for _, s := range tt.steps {
				switch s.op {
				case "+":
					p.add(s.prefix, s.s)
				case "-":
					p.remove(s.prefix, s.s)
				default:
					p.removeAll(s.s)
				}
				p.check()
				for _, topic := range topics {
					p.match(topic)
				}
			}
		})
	}
}

func TestTreeAgainstModel(t *testing.T) {
	for _, alphabet := range []string{"a", "ab", "ab/\x00\xff", "abcdefghijklmnopqrstuvwxyz"} {
		t.Run(fmt.Sprintf("%q", alphabet), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			text := func() string {
				b := make([]byte, r.IntN(8))
				for i := range b {
					b[i] = alphabet[r.IntN(len(alphabet))]
				}
				return string(b)
			}
			p := newPair(t)
			for i := range 4000 {
				// Phases of growth and of decline.
				grow := i/500%2 == 0
				switch n := r.IntN(100); {
				case n == 0:
					p.removeAll(r.IntN(10))
				case n < 60 == grow:
					p.add(text(), r.IntN(10))
				default:
					p.remove(text(), r.IntN(10))
				}
				p.match(text())
				if i%50 == 0 {
					p.check()
				}
			}
			for s := range 10 {
				p.removeAll(s)
			}
			p.check()
		})
	}
}

// TestTreeRemoveEach changes the tree while what one subscriber holds is being
// removed, which is the same as removing it at once.
func TestTreeRemoveEach(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	text := func() string { return strings.Repeat("a", r.IntN(4)) + fmt.Sprint(r.IntN(200)) }
	p := newPair(t)
	for range 100 {
		for range 40 {
			p.add(text(), 0)
			p.add(text(), r.IntN(4))
		}
		want := p.model.held(0)
		for _, prefix := range want {
			p.model.remove(prefix, 0)
		}
		stop, seen := 1+r.IntN(2*len(want)), 0
		for n := range p.tree.RemoveEach(0) {
			if seen++; n != seen {
				t.Fatalf("yields %d, want %d", n, seen)
			}
			if n == stop {
				break
			}
			p.add(text(), 1+r.IntN(3))
			p.remove(text(), 1+r.IntN(3))
			if n := p.tree.Count(0); n != 0 {
				t.Fatalf("it still holds %d prefixes", n)
			}
		}
		if seen != min(stop, len(want)) {
			t.Fatalf("yields %d times, want %d", seen, min(stop, len(want)))
		}
		p.check()
		p.match(text())
	}
}

func TestTreeManyHolders(t *testing.T) {
	p := newPair(t)
	for s := range 1000 {
		p.add("news/", s)
	}
	p.match("news/x")
	p.check()
	for n, s := range rand.Perm(1000)[:990] {
		p.remove("news/", s)
		p.remove("news/", s)
		p.add("news/", s)
		p.remove("news/", s)
		if n%100 == 0 {
			p.check()
		}
	}
	p.match("news/x")
	p.check()
	if index := p.tree.root.at([]byte("news/")).index; index != nil && index.peak > 4*10 {
		t.Errorf("the index of 10 holders keeps the memory of %d", index.peak)
	}
}

func TestTreeGivesMemoryBack(t *testing.T) {
	var tree Tree[int]
	const prefixes = 20_000
	name := func(i int) []byte { return fmt.Appendf(nil, "topic/%d/x", i) }
	for i := range prefixes {
		tree.Add(name(i), 1)
		tree.Add(name(i), i+2)
	}
	for i := range prefixes - 10 {
		tree.Remove(name(i), 1)
		tree.RemoveAll(i + 2)
	}
	if got := tree.Len(); got != 10 {
		t.Fatalf("%d prefixes are left, want 10", got)
	}
	if got := tree.subscribers.peak; got > 4*11 {
		t.Errorf("the map of subscribers keeps the memory of %d", got)
	}
	if one, _ := tree.subscribers.get(1); cap(one.held) > 4*10+4 {
		t.Errorf("the places of a subscriber keep the memory of %d", cap(one.held))
	}
	checkNode(t, &tree.root, "")
	nodes := 0
	var count func(n *node[int])
	count = func(n *node[int]) {
		nodes++
		for _, k := range n.kids {
			count(k)
		}
	}
	count(&tree.root)
	if nodes > 2*10+1 {
		t.Errorf("%d nodes for 10 prefixes", nodes)
	}
}

func TestTreeAllocations(t *testing.T) {
	var tree Tree[*int]
	for i := range 100 {
		s := new(int)
		tree.Add([]byte("a"), s)
		tree.Add([]byte("a/b"), s)
		tree.Add(fmt.Appendf(nil, "b%d", i), s)
	}
	visits := 0
	for _, topic := range []string{"a", "a/b/c", "b77", "zzz"} {
		topic := []byte(topic)
		if got := testing.AllocsPerRun(100, func() {
			tree.Match(topic, func(*int) { visits++ })
			tree.Matches(topic)
		}); got != 0 {
			t.Errorf("Match(%q) makes %v allocations, want 0", topic, got)
		}
	}
	if visits == 0 {
		t.Error("nothing was visited")
	}
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("+\x01\x03AAP+\x02\x02AA-\x01\x03AAPx\x02"))
	f.Add([]byte("+\x01\x00+\x01\x01a+\x01\x02ab-\x01\x01ax\x01"))
	f.Add([]byte("+\x01\x04abcd+\x02\x04abce+\x03\x03abd-\x02\x04abcex\x01"))
	f.Fuzz(func(t *testing.T, program []byte) {
		p := newPair(t)
		for len(program) >= 3 {
			op, s, n := program[0], int(program[1]%10), int(program[2]%32)
			text := string(program[3:min(3+n, len(program))])
			program = program[3+len(text):]
			switch op % 4 {
			case 0:
				p.removeAll(s)
			case 1:
				p.remove(text, s)
			default:
				p.add(text, s)
			}
			p.match(text)
			p.match(text + "x")
		}
		p.check()
		for s := range 10 {
			p.removeAll(s)
		}
		p.check()
	})
}
