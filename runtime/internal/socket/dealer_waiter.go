package socket

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// A signal wakes a waiter.
type signal uint8

const (
	delivered signal = iota // the reply was delivered, or the stream has changed
	failed                  // the connection has ended
	lead                    // become the reader
)

// A waiter is a caller between its request and its reply, or a goroutine that waits
// for a stream.
type waiter struct {
	x      Exchange
	stream *DealerStream // nil: a call
	ch     chan signal
	slot   uint32 // of a call

	// The peer's lock guards these.
	pending bool                  // in its slot: neither delivered nor failed
	parked  list.Element[*waiter] // among the waiters for a signal
	leading bool                  // is the reader, and gets no signal
	unsent  bool                  // the connection ended before its request was written
}

var waiters = sync.Pool{New: func() any { return &waiter{ch: make(chan signal, 1)} }}
