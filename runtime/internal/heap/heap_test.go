package heap

import (
	"math/rand/v2"
	"testing"
)

type item struct{ key, slot int }

func (a *item) Less(b *item) bool { return a.key < b.key }
func (a *item) Slot() *int        { return &a.slot }

// Values are moved and taken out wherever they are, and the first one stays the
// least of those that are in.
func TestHeap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var h Heap[*item]
	items := make([]item, 50)
	for range 5000 {
		x := &items[random.IntN(len(items))]
		x.key = random.IntN(1000)
		h.Set(x, random.IntN(3) > 0)
		least, in := 1000, 0
		for i := range items {
			if items[i].slot > 0 {
				least, in = min(least, items[i].key), in+1
				if h[items[i].slot-1] != &items[i] {
					t.Fatalf("item %d is not in its slot", i)
				}
			}
		}
		if len(h) != in || in > 0 && h[0].key != least {
			t.Fatalf("%d values, the first is %v, want %d and %d", len(h), h[0], in, least)
		}
	}
}
