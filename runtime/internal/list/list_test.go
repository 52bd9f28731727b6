package list_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

type item struct {
	n  int
	at list.Element[*item]
}

func numbers(l *list.List[*item]) (out []int) {
	for e := l.First(); e != nil; e = e.Next() {
		out = append(out, e.Value().n)
	}
	return out
}

func TestList(t *testing.T) {
	tests := []struct {
		name string
		do   func(l *list.List[*item], items []item)
		want []int
	}{
		{"nothing", func(*list.List[*item], []item) {}, nil},
		{"at the back", func(l *list.List[*item], i []item) { back(l, i, 0, 1, 2) }, []int{0, 1, 2}},
		{"at the front", func(l *list.List[*item], i []item) { front(l, i, 0, 1, 2) }, []int{2, 1, 0}},
		{"at both ends", func(l *list.List[*item], i []item) { back(l, i, 0); front(l, i, 1); back(l, i, 2) }, []int{1, 0, 2}},
		{"the first goes", func(l *list.List[*item], i []item) { back(l, i, 0, 1, 2); i[0].at.Remove() }, []int{1, 2}},
		{"one between goes", func(l *list.List[*item], i []item) { back(l, i, 0, 1, 2); i[1].at.Remove() }, []int{0, 2}},
		{"the last goes", func(l *list.List[*item], i []item) { back(l, i, 0, 1, 2); i[2].at.Remove() }, []int{0, 1}},
		{"the only one goes", func(l *list.List[*item], i []item) { back(l, i, 0); i[0].at.Remove() }, nil},
		{"twice", func(l *list.List[*item], i []item) { back(l, i, 0, 1); i[0].at.Remove(); i[0].at.Remove() }, []int{1}},
		{"what is in no list", func(l *list.List[*item], i []item) { back(l, i, 0); i[1].at.Remove() }, []int{0}},
		{"and comes again", func(l *list.List[*item], i []item) { back(l, i, 0, 1); i[0].at.Remove(); back(l, i, 0) }, []int{1, 0}},
		{"behind the last that went", func(l *list.List[*item], i []item) { back(l, i, 0, 1); i[1].at.Remove(); back(l, i, 2) }, []int{0, 2}},
		{"before the first that went", func(l *list.List[*item], i []item) { back(l, i, 0, 1); i[0].at.Remove(); front(l, i, 2) }, []int{2, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l list.List[*item]
			items := []item{{n: 0}, {n: 1}, {n: 2}}
			tt.do(&l, items)
			if got := numbers(&l); !slices.Equal(got, tt.want) || l.Empty() != (len(tt.want) == 0) {
				t.Errorf("got %v, empty %v, want %v", got, l.Empty(), tt.want)
			}
		})
	}
}

func back(l *list.List[*item], items []item, which ...int) {
	for _, i := range which {
		l.PushBack(&items[i].at, &items[i])
	}
}

func front(l *list.List[*item], items []item, which ...int) {
	for _, i := range which {
		l.PushFront(&items[i].at, &items[i])
	}
}

// TestRandom holds two lists, between which elements move, against slices.
func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var lists [2]list.List[*item]
	var want [2][]int
	items := make([]item, 8)
	for i := range items {
		items[i].n = i
	}
	for step := range 10000 {
		n, to := random.IntN(len(items)), random.IntN(2)
		items[n].at.Remove()
		for i := range want {
			want[i] = slices.DeleteFunc(want[i], func(other int) bool { return other == n })
		}
		switch random.IntN(3) {
		case 0:
			back(&lists[to], items, n)
			want[to] = append(want[to], n)
		case 1:
			front(&lists[to], items, n)
			want[to] = slices.Insert(want[to], 0, n)
		}
		for i := range lists {
			if got := numbers(&lists[i]); !slices.Equal(got, want[i]) {
				t.Fatalf("step %d: list %d is %v, want %v", step, i, got, want[i])
			}
		}
	}
}
