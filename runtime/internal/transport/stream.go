package transport

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// shrinkAfter is how long a buffer keeps an unused size.
const shrinkAfter = time.Second

// A stream is one direction of a pipe: a bounded queue of bytes with a reading
// and a writing end, each with its own deadline and close.
type stream struct {
	mu         sync.Mutex
	ring       ring
	readable   sync.Cond // bytes, their end, or the reader's deadline or close
	writable   sync.Cond // room, or the writer's deadline or either's close
	readBy     deadline
	writeBy    deadline
	readerGone bool
	writerGone bool
	fullWait   bool // the writer waits for room

	shrink *time.Timer // set while the buffer is larger than the smallest
	peak   int         // most bytes queued since the timer last fired
}

func newStream() *stream {
	s := new(stream)
	s.readable.L = &s.mu
	s.writable.L = &s.mu
	return s
}

// read waits for bytes and moves them into p.
func (s *stream) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	for !s.readerGone && !s.readBy.passed && s.ring.n == 0 && !s.writerGone {
		s.readable.Wait()
	}
	if s.readerGone || s.readBy.passed || s.ring.n == 0 {
		err := s.readError()
		s.mu.Unlock()
		return 0, err
	}
	n := s.ring.read(p)
	more := s.ring.n > 0
	if !more && s.writerGone {
		s.ring = ring{}
	}
	// The writer is woken when half of the buffer is free, not for each byte.
	wake := s.fullWait && s.ring.n <= maxRing/2
	if wake {
		s.fullWait = false
	}
	s.mu.Unlock()
	if wake {
		s.writable.Signal()
	}
	if more {
		s.readable.Signal() // there may be another reader
	}
	return n, nil
}

// readError says why there is nothing to read. The caller holds the lock.
func (s *stream) readError() error {
	switch {
	case s.readerGone:
		return net.ErrClosed
	case s.readBy.passed:
		return os.ErrDeadlineExceeded
	default:
		return io.EOF
	}
}

// write queues p. It waits for room if block is set. One caller at a time may use
// it.
func (s *stream) write(p []byte, block bool) (int, error) {
	done := 0
	s.mu.Lock()
	for {
		if s.writerGone || s.readerGone || s.writeBy.passed {
			err := s.writeError()
			s.mu.Unlock()
			return done, err
		}
		n := s.ring.write(p[done:])
		done += n
		s.peak = max(s.peak, s.ring.n)
		if s.shrink == nil && len(s.ring.buf) > minRing {
			s.shrink = time.AfterFunc(shrinkAfter, s.shrinkRing)
		}
		if done == len(p) || !block {
			s.mu.Unlock()
			if n > 0 {
				s.readable.Signal()
			}
			return done, nil
		}
		s.readable.Signal()
		s.fullWait = true
		s.writable.Wait()
	}
}

// writeError says why nothing can be written. The caller holds the lock.
func (s *stream) writeError() error {
	switch {
	case s.writerGone:
		return net.ErrClosed
	case s.readerGone:
		return io.ErrClosedPipe
	default:
		return os.ErrDeadlineExceeded
	}
}

// shrinkRing frees the memory of a burst that is over.
func (s *stream) shrinkRing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shrink == nil {
		return // stopped too late to keep this call from running
	}
	if 2*s.peak <= len(s.ring.buf) {
		s.ring.resize(s.peak)
	}
	s.peak = s.ring.n
	if len(s.ring.buf) <= minRing {
		s.shrink = nil
		return
	}
	s.shrink.Reset(shrinkAfter)
}

// stopShrink ends the timer. The caller holds the lock.
func (s *stream) stopShrink() {
	if s.shrink != nil {
		s.shrink.Stop()
		s.shrink = nil
	}
}

// closeReader drops the queued bytes. Writes fail from now on.
func (s *stream) closeReader() {
	s.mu.Lock()
	s.readerGone = true
	s.ring = ring{}
	s.stopShrink()
	s.readBy.stop()
	s.mu.Unlock()
	s.readable.Broadcast()
	s.writable.Broadcast()
}

// closeWriter ends writing. The reader still gets the queued bytes.
func (s *stream) closeWriter() {
	s.mu.Lock()
	s.writerGone = true
	s.stopShrink()
	s.writeBy.stop()
	s.mu.Unlock()
	s.readable.Broadcast()
	s.writable.Broadcast()
}

// setReadDeadline ends reads at t; the zero time ends none.
func (s *stream) setReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readerGone {
		return net.ErrClosed
	}
	s.readBy.set(&s.readable, t)
	return nil
}

// setWriteDeadline ends writes at t; the zero time ends none.
func (s *stream) setWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writerGone {
		return net.ErrClosed
	}
	s.writeBy.set(&s.writable, t)
	return nil
}
