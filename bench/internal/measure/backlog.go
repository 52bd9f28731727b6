package measure

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A backlog keeps a number of messages between a source's sender and its receiver.
type backlog struct {
	source   Source
	waiting  uint64
	received atomic.Uint64
	taken    chan struct{} // the receiver has got some
	stop     chan struct{}
	failed   chan error
	wg       sync.WaitGroup
}

// Backlog sends so many messages before it starts the receiver, and one more for
// each that the receiver gets, so that as many wait all the time. It counts what
// was received for about d after a warm-up, and closes the source.
func Backlog(source Source, waiting int, warmUp, d time.Duration) (Sample, error) {
	b := &backlog{
		source: source, waiting: uint64(waiting),
		taken: make(chan struct{}, 1), stop: make(chan struct{}), failed: make(chan error, 2),
	}
	for seq := range b.waiting {
		if err := source.Send(seq + 1); err != nil {
			source.Close()
			return Sample{}, err
		}
	}
	var receiving sync.WaitGroup
	receiving.Go(func() { b.report(source.Receive(0, b.got)) })
	b.wg.Go(func() { b.report(b.refill()) })
	sample, err := b.measure(warmUp, d)
	close(b.stop)
	b.wg.Wait()
	source.Close()
	receiving.Wait()
	return sample, err
}

func (b *backlog) report(err error) {
	if err != nil {
		b.failed <- err
	}
}

func (b *backlog) got(uint64) {
	if n := b.received.Add(1); n%min(ackEvery, b.waiting) == 0 {
		select {
		case b.taken <- struct{}{}:
		default:
		}
	}
}

// refill sends a message for each that was received.
func (b *backlog) refill() error {
	for sent := b.waiting; ; {
		select {
		case <-b.stop:
			return nil
		case <-b.taken:
		}
		for until := b.received.Load() + b.waiting; sent < until; sent++ {
			if err := b.source.Send(sent + 1); err != nil {
				return err
			}
		}
	}
}

func (b *backlog) measure(warmUp, d time.Duration) (Sample, error) {
	if err := pass(warmUp, b.failed); err != nil {
		return Sample{}, err
	}
	var m meter
	m.start()
	begin, before := time.Now(), b.received.Load()
	if err := long(d, b.failed, func() bool { return b.received.Load() > before }); err != nil {
		return Sample{}, err
	}
	n := b.received.Load() - before
	if n == 0 {
		return Sample{}, errors.New("the receiver got nothing")
	}
	return m.sample(n, time.Since(begin)), nil
}
