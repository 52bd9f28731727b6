package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Source is one-way traffic with numbered messages (rival.Stream).
type Source interface {
	Send(seq uint64) error
	Receive(i int, got func(seq uint64)) error
	Close()
}

// ackEvery is how many messages a receiver takes before it says so; less than
// half of any window.
const ackEvery = 16

// stall is how long a receiver may get nothing before a round is over without
// it: what it misses was dropped.
const stall = 500 * time.Millisecond

// A Stream drives a source and counts what its receivers get. With a window
// the sender is held back by what the slowest receiver has, which it learns out
// of band; without one the library itself has to hold it back.
type Stream struct {
	source    Source
	window    uint64 // 0: none
	receivers []receiver
	wg        sync.WaitGroup
	failed    chan error

	next   uint64        // number of the next message
	end    atomic.Uint64 // number of the round's last message
	wanted atomic.Uint64 // what the receiver that is waited for must reach; 0: no one waits
	ack    chan struct{}
	oldest uint64 // what every receiver had at the last look
	nudges int    // since the window was not full
}

// A receiver's counters are written by its own goroutine only.
type receiver struct {
	seen  uint64
	last  atomic.Uint64 // the highest number, as of the last ack
	count atomic.Uint64 // messages, as of the last ack
	_     [40]byte
}

// NewStream starts the receivers and waits until each has got something.
func NewStream(source Source, receivers int, window uint64) (*Stream, error) {
	s := &Stream{
		source: source, window: window, receivers: make([]receiver, receivers),
		failed: make(chan error, receivers), ack: make(chan struct{}, 1), next: 1,
	}
	s.end.Store(1)
	for i := range s.receivers {
		s.wg.Go(func() {
			if err := source.Receive(i, s.receivers[i].got(s)); err != nil {
				s.failed <- err
			}
		})
	}
	return s, s.meet()
}

// Close closes the source and waits for the receivers.
func (s *Stream) Close() {
	s.source.Close()
	s.wg.Wait()
}

func (r *receiver) got(s *Stream) func(uint64) {
	return func(seq uint64) {
		r.seen++
		if r.seen%ackEvery != 0 && seq < s.end.Load() {
			return
		}
		r.count.Store(r.seen)
		r.last.Store(seq)
		if want := s.wanted.Load(); want != 0 && seq >= want {
			select {
			case s.ack <- struct{}{}:
			default:
			}
		}
	}
}

// meet sends until every receiver has got something: subscriptions take time.
func (s *Stream) meet() error {
	wait := 20 * time.Millisecond
	for start := time.Now(); ; wait *= 2 { // many receivers on a busy machine need longer
		if err := s.source.Send(s.next); err != nil {
			return err
		}
		s.end.Store(s.next) // so that each message is acknowledged
		s.next++
		ctx, cancel := context.WithTimeout(context.Background(), min(wait, 2*time.Second))
		err := s.await(ctx, s.next-1)
		cancel()
		if err == nil {
			s.oldest = s.next - 1
			return nil
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if time.Since(start) > 10*time.Second {
			return fmt.Errorf("%d of %d receivers get nothing", s.behind(s.next-1), len(s.receivers))
		}
	}
}

func (s *Stream) behind(seq uint64) (n int) {
	for i := range s.receivers {
		if s.receivers[i].last.Load() < seq {
			n++
		}
	}
	return n
}

// await waits until every receiver has got seq.
func (s *Stream) await(ctx context.Context, seq uint64) error {
	defer s.wanted.Store(0)
	for i := range s.receivers {
		for s.receivers[i].last.Load() < seq {
			s.wanted.Store(seq)
			if s.receivers[i].last.Load() >= seq {
				break
			}
			select {
			case <-s.ack:
			case err := <-s.failed:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func (s *Stream) received() (n uint64) {
	for i := range s.receivers {
		n += s.receivers[i].count.Load()
	}
	return n
}

// Run sends n messages and waits for them. The sample counts what was
// received, by all receivers together.
func (s *Stream) Run(n int) (Sample, error) {
	var m meter
	m.start()
	before := s.received()
	s.end.Store(s.next + uint64(n) - 1)
	begin := time.Now()
	for range n {
		if err := s.hold(); err != nil {
			return Sample{}, err
		}
		if err := s.source.Send(s.next); err != nil {
			return Sample{}, err
		}
		s.next++
	}
	elapsed, err := s.finish(begin)
	if err != nil {
		return Sample{}, err
	}
	got := s.received() - before
	sample := m.sample(got, elapsed)
	sample.Lost = max(1-float64(got)/float64(n*len(s.receivers)), 0)
	return sample, nil
}

// Nudge is how long a full window waits before one more message goes out: a
// library may have dropped all that the receivers have not got.
const Nudge = time.Millisecond

// maxNudges is how many are too many.
const maxNudges = 10000

// hold waits while the window is full, until half of it is free.
func (s *Stream) hold() error {
	if s.window == 0 || s.next-s.oldest <= s.window {
		return nil
	}
	until := s.next - s.window/2
	ctx, cancel := context.WithTimeout(context.Background(), Nudge)
	defer cancel()
	err := s.await(ctx, until)
	if errors.Is(err, context.DeadlineExceeded) {
		if s.nudges++; s.nudges > maxNudges {
			return fmt.Errorf("%d of %d receivers get nothing more", s.behind(until), len(s.receivers))
		}
		return nil
	}
	s.oldest, s.nudges = until, 0
	return err
}

// finish waits for the last message, or until no more come.
func (s *Stream) finish(begin time.Time) (time.Duration, error) {
	for had := s.received(); ; {
		ctx, cancel := context.WithTimeout(context.Background(), stall)
		err := s.await(ctx, s.next-1)
		cancel()
		elapsed := time.Since(begin)
		if err == nil {
			return elapsed, nil
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return 0, err
		}
		have := s.received()
		if have == had {
			return elapsed - stall, nil
		}
		had = have
	}
}

// Fit returns how many messages take about d, found by sending for a tenth of
// it or more; so it is a warm-up, too.
func (s *Stream) Fit(d time.Duration) (int, error) {
	for n := 64; ; n *= 2 {
		begin := time.Now()
		if _, err := s.Run(n); err != nil {
			return 0, err
		}
		if took := time.Since(begin); took > d/5 {
			return max(int(float64(n)*float64(d)/float64(took)), 64), nil
		}
	}
}
