package soak

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A numberLog keeps the numbers that came, from 1 on, in the order of arrival.
type numberLog struct {
	mu     sync.Mutex
	list   []int64
	places map[int64]int // in list
	twice  []int64
	last   int64 // the largest one
	change chan struct{}
}

func newNumberLog() *numberLog {
	return &numberLog{places: make(map[int64]int), change: make(chan struct{})}
}

func (l *numberLog) add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.places[n]; ok {
		l.twice = append(l.twice, n)
		return
	}
	l.places[n] = len(l.list)
	l.list = append(l.list, n)
	l.last = max(l.last, n)
	close(l.change)
	l.change = make(chan struct{})
}

// len returns how many numbers have come.
func (l *numberLog) len() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.list))
}

// wait waits until ok, which is called with the lock held.
func (l *numberLog) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timer := time.NewTimer(testkit.Patience())
	defer timer.Stop()
	for {
		l.mu.Lock()
		done, n, last, change := ok(), len(l.list), l.last, l.change
		l.mu.Unlock()
		if done {
			return
		}
		select {
		case <-change:
		case <-timer.C:
			t.Fatalf("did not come: %s; there are %d numbers up to %d", what, n, last)
		}
	}
}

// waitFor waits until n has come.
func (l *numberLog) waitFor(t testing.TB, n int64) {
	t.Helper()
	l.wait(t, fmt.Sprint("number ", n), func() bool { _, ok := l.places[n]; return ok })
}

// after returns l with each number replaced by its place in an earlier log.
func (l *numberLog) after(earlier *numberLog) *numberLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	earlier.mu.Lock()
	defer earlier.mu.Unlock()
	places := newNumberLog()
	places.twice = l.twice
	for _, n := range l.list {
		if place, ok := earlier.places[n]; ok {
			places.add(int64(place + 1))
		} else {
			places.twice = append(places.twice, n)
		}
	}
	return places
}

// An account is what became of the numbers 1 to sent, which were sent in order.
//
// Each connection carries a run of them and delivers the beginning of it, in
// order, so that each that breaks leaves one gap at most. What an old
// connection has delivered and what a new one delivers may be received side by
// side: then the first number of the new one comes before the last number of
// the old one. That is a swap.
type account struct{ sent, received, lost, gaps, swaps int }

// account checks that no number came twice, or came and was not sent.
func (l *numberLog) account(t testing.TB, sent int64) account {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.twice) > 0 {
		t.Errorf("%d numbers came twice or from nowhere, the first is %d", len(l.twice), l.twice[0])
	}
	if l.last > sent {
		t.Errorf("number %d came and was not sent", l.last)
	}
	a := account{sent: int(sent), received: len(l.list)}
	a.lost = a.sent - a.received
	for n := int64(1); n <= sent; n++ {
		place, ok := l.places[n]
		before, had := l.places[n-1]
		switch {
		case !ok && (had || n == 1):
			a.gaps++
		case ok && had && place < before:
			a.swaps++
		}
	}
	t.Log(a)
	return a
}

func (a account) String() string {
	return fmt.Sprintf("%d sent, %d received, %d lost in %d gaps; %d swaps", a.sent, a.received, a.lost, a.gaps, a.swaps)
}

// wantWhole checks that everything came, in order.
func (a account) wantWhole(t testing.TB) account {
	t.Helper()
	return a.wantBreaks(t, 0)
}

// wantBreaks checks that there is no more disorder than n connections that
// broke can make.
func (a account) wantBreaks(t testing.TB, n int) account {
	t.Helper()
	if a.gaps > n || a.swaps > n {
		t.Errorf("%d connections broke: %v", n, a)
	}
	return a
}

// newer waits for a number above all that there are.
func (l *numberLog) newer(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	l.wait(t, "a newer number", func() bool { return l.last > last })
}

// A run is what there is between the first and the last number of a log.
type run struct{ received, missing, gaps int }

// run checks that the numbers came in order and that none came twice.
func (l *numberLog) run(t testing.TB, sent int64) run {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	r := run{received: len(l.list)}
	for i := 1; i < len(l.list); i++ {
		switch step := l.list[i] - l.list[i-1]; {
		case step <= 0:
			t.Errorf("number %d came behind %d", l.list[i], l.list[i-1])
		case step > 1:
			r.gaps++
			r.missing += int(step - 1)
		}
	}
	if len(l.twice) > 0 || l.last > sent {
		t.Errorf("%d numbers came twice; the last is %d of %d", len(l.twice), l.last, sent)
	}
	return r
}
