package lru_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/lru"
)

// keys returns the keys in the order of last use.
func keys(c *lru.Cache[int]) string {
	var list []string
	for e := range c.All() {
		list = append(list, e.Key)
	}
	return strings.Join(list, " ")
}

func TestCache(t *testing.T) {
	get := func(c *lru.Cache[int], key string) *lru.Entry[int] { return c.Get([]byte(key)) }
	tests := []struct {
		name    string
		bounds  lru.Bounds
		do      func(c *lru.Cache[int])
		want    string // keys, oldest first
		evicted string
		bytes   int
	}{
		{"nothing", lru.Bounds{Count: 2, Bytes: 100}, func(*lru.Cache[int]) {}, "", "", 0},
		{"within the bounds", lru.Bounds{Count: 3, Bytes: 30}, func(*lru.Cache[int]) {}, "a b c", "", 30},
		{"too many", lru.Bounds{Count: 2, Bytes: 100}, func(*lru.Cache[int]) {}, "b c", "a", 20},
		{"too large", lru.Bounds{Count: 9, Bytes: 25}, func(*lru.Cache[int]) {}, "b c", "a", 20},
		{"one always fits", lru.Bounds{}, func(*lru.Cache[int]) {}, "c", "a b", 10},
		{"used", lru.Bounds{Count: 2, Bytes: 100}, func(c *lru.Cache[int]) { c.Touch(get(c, "a")) }, "c a", "b", 20},
		{"looked at", lru.Bounds{Count: 2, Bytes: 100}, func(c *lru.Cache[int]) { get(c, "a") }, "b c", "a", 20},
		{"grown", lru.Bounds{Count: 9, Bytes: 35}, func(c *lru.Cache[int]) { c.Resize(get(c, "c"), 30) }, "c", "a b", 30},
		{"shrunk", lru.Bounds{Count: 9, Bytes: 25}, func(c *lru.Cache[int]) { c.Resize(get(c, "c"), 5) }, "a b c", "", 25},
		{"removed", lru.Bounds{Count: 2, Bytes: 100}, func(c *lru.Cache[int]) { c.Remove(get(c, "b")) }, "a c", "", 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := lru.New[int](tt.bounds)
			if tt.name != "nothing" {
				for i, key := range []string{"a", "b", "c"} {
					c.Add(key, i, 10)
				}
			}
			tt.do(c)
			var evicted []string
			c.Evict(func(e *lru.Entry[int]) { evicted = append(evicted, e.Key) })
			if got := keys(c); got != tt.want || strings.Join(evicted, " ") != tt.evicted || c.Bytes() != tt.bytes {
				t.Errorf("has %q of %d bytes, evicted %q; want %q of %d, %q", got, c.Bytes(), evicted, tt.want, tt.bytes, tt.evicted)
			}
			oldest, _, _ := strings.Cut(tt.want, " ")
			if e := c.Oldest(); e == nil != (oldest == "") || e != nil && e.Key != oldest {
				t.Errorf("the oldest is %v, want %q", e, oldest)
			}
		})
	}
}

// TestCacheRandom holds a cache against a slice.
func TestCacheRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := lru.New[int](lru.Bounds{Count: 5, Bytes: 1 << 20})
	var want []string
	for step := range 10_000 {
		key := strconv.Itoa(random.IntN(10))
		e := c.Get([]byte(key))
		if known := slices.Contains(want, key); e != nil != known {
			t.Fatalf("step %d: %q is known: %v, want %v", step, key, e != nil, known)
		}
		want = slices.DeleteFunc(want, func(k string) bool { return k == key })
		switch {
		case e == nil:
			c.Add(key, step, len(key))
			want = append(want, key)
		case random.IntN(2) == 0:
			c.Remove(e)
		default:
			c.Touch(e)
			want = append(want, key)
		}
		c.Evict(func(*lru.Entry[int]) {})
		want = want[max(0, len(want)-5):]
		if got := keys(c); got != strings.Join(want, " ") || c.Len() != len(want) {
			t.Fatalf("step %d: has %d, %q, want %q", step, c.Len(), got, want)
		}
	}
}

func TestAllMayRemove(t *testing.T) {
	c := lru.New[int](lru.Bounds{Count: 9, Bytes: 100})
	for i := range 6 {
		c.Add(strconv.Itoa(i), i, 1)
	}
	for e := range c.All() {
		if e.Value%2 == 0 {
			c.Remove(e)
		}
	}
	if got := keys(c); got != "1 3 5" || c.Bytes() != 3 {
		t.Errorf("left %q of %d bytes", got, c.Bytes())
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	c := lru.New[int](lru.Bounds{Count: 9, Bytes: 100})
	c.Add(strings.Repeat("k", 100), 1, 1)
	key := []byte(strings.Repeat("k", 100))
	if n := testing.AllocsPerRun(100, func() { c.Touch(c.Get(key)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
