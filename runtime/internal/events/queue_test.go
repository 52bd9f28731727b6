package events

import (
	"slices"
	"sync"
	"testing"
)

// TestQueueKeepsOrder: each event arrives, in order, before Close returns, and none
// after it.
func TestQueueKeepsOrder(t *testing.T) {
	var got []int
	q := NewQueue(func(n int) { got = append(got, n) }, func(n int) { t.Errorf("%d are lost", n) })
	for n := range Limit {
		q.Put(n)
	}
	q.Close()
	q.Put(Limit)
	if len(got) != Limit || !slices.IsSorted(got) {
		t.Errorf("%d events have come", len(got))
	}
}

// TestQueueIsBounded: while the function does not return, events beyond the limit
// are dropped, and it learns how many.
func TestQueueIsBounded(t *testing.T) {
	var got, lost int
	began, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	q := NewQueue(func(int) {
		once.Do(func() { close(began); <-release })
		got++
	}, func(n int) { lost += n })
	q.Put(0)
	<-began
	for n := range Limit + 5 {
		q.Put(n)
	}
	close(release)
	q.Close()
	if got != Limit+1 || lost != 5 {
		t.Errorf("%d came and %d are lost, want %d and 5", got, lost, Limit+1)
	}
}
