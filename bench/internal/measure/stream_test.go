package measure

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// A fake hands each message to every receiver, through queues of a size. What
// it drops when a queue is full, or because of its number, it counts.
type fake struct {
	queues  []chan uint64
	drop    func(seq uint64) bool
	dropped atomic.Int64
}

func newFake(receivers, size int, drop func(seq uint64) bool) *fake {
	f := &fake{drop: drop}
	for range receivers {
		f.queues = append(f.queues, make(chan uint64, size))
	}
	return f
}

func (f *fake) Send(seq uint64) error {
	for _, q := range f.queues {
		if f.drop != nil && f.drop(seq) {
			f.dropped.Add(1)
			continue
		}
		select {
		case q <- seq:
		default:
			f.dropped.Add(1)
		}
	}
	return nil
}

func (f *fake) Receive(i int, got func(uint64)) error {
	for seq := range f.queues[i] {
		got(seq)
	}
	return nil
}

func (f *fake) Close() {
	for _, q := range f.queues {
		close(q)
	}
}

func TestStreamWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const receivers, window, n = 7, 100, 10_000
		f := newFake(receivers, window, nil)
		s, err := NewStream(f, receivers, window)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for round := range 3 {
			before := s.received()
			if _, err := s.Run(n); err != nil {
				t.Fatal(err)
			}
			if got := s.received() - before; got != receivers*n {
				t.Errorf("round %d: %d messages were received, want %d", round, got, receivers*n)
			}
		}
		if n := f.dropped.Load(); n > 0 {
			t.Errorf("%d messages found a queue of %d full, with a window of %d", n, window, window)
		}
	})
}

func TestStreamCountsWhatWasReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 9000
		f := newFake(1, 100, func(seq uint64) bool { return seq%3 == 0 })
		s, err := NewStream(f, 1, 100)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		before := s.received()
		sample, err := s.Run(n)
		if err != nil {
			t.Fatal(err)
		}
		// What came after the last acknowledgement may not be counted.
		if got, want := int64(s.received()-before), n-f.dropped.Load(); got > want || got < want-ackEvery || sample.Rate <= 0 {
			t.Errorf("%d messages were received at a rate of %.0f, want %d at more than 0", got, sample.Rate, want)
		}
	})
}
