package socket

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// What a waiter is told.
type signal uint8

const (
	delivered signal = iota // the reply is there
	failed                  // the peer is gone
	lead                    // read the connection from now on
)

// A waiter is a caller between its request and its reply.
type waiter struct {
	x    Exchange
	ch   chan signal
	slot uint32

	// The peer's lock guards these.
	pending bool                  // in its slot: neither delivered nor failed
	parked  list.Element[*waiter] // of those who wait for a signal
	leading bool                  // has the role: it finds out by itself what happens
	unsent  bool                  // the connection ended before its request was written
}

var waiters = sync.Pool{New: func() any { return &waiter{ch: make(chan signal, 1)} }}
