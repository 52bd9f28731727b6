package socket

import "sync"

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
	pending    bool // in its slot: neither delivered nor failed
	parked     bool // in the list of those who wait for a signal
	leading    bool // has the role: it finds out by itself what happens
	unsent     bool // the connection ended before its request was written
	prev, next *waiter
}

var waiters = sync.Pool{New: func() any { return &waiter{ch: make(chan signal, 1)} }}

func (p *dealerPeer) park(w *waiter) {
	w.parked = true
	w.prev, w.next = nil, p.newest
	if p.newest != nil {
		p.newest.prev = w
	}
	p.newest = w
}

func (p *dealerPeer) unpark(w *waiter) {
	if !w.parked {
		return
	}
	w.parked = false
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		p.newest = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}
