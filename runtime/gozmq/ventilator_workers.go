package gozmq

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// Join adds a worker, which has no credit yet (socket.PeerHandler).
func (d *dispatcher) Join(c *link.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.queue.Join()
	d.peers[c], d.conns[p] = p, c
}

// Leave gives what the worker held to others (socket.PeerHandler).
func (d *dispatcher) Leave(c *link.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.peers[c]
	delete(d.peers, c)
	delete(d.conns, p)
	if p.Granted() {
		d.workers--
	}
	if d.closed {
		return // nothing is lost that was not left anyway
	}
	for _, t := range d.queue.Leave(p) {
		d.bury(t)
	}
	d.changed()
	d.dispatch()
}

// Room hands out what a worker's queue had no room for (socket.PeerHandler).
func (d *dispatcher) Room(c *link.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.peers[c]; p != nil && !d.closed {
		d.queue.Block(p, false)
		d.dispatch()
	}
}

// Receive takes in what a worker says (socket.PeerHandler).
func (d *dispatcher) Receive(c *link.Conn, b *link.Batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.peers[c]
	now := time.Now()
	for i := range b.Len() {
		if err := d.hear(p, b.Message(i), now); err != nil {
			c.Malformed("message of a worker: %w", err)
		}
	}
	if d.paused {
		d.changed() // close waits until no worker has a task
	}
	d.dispatch()
}

// hear takes in one message of a worker. It returns what was wrong with it.
func (d *dispatcher) hear(p *taskqueue.Peer, frames [][]byte, now time.Time) error {
	word := string(cut(frames[0]))
	if len(frames) < 2 {
		return fmt.Errorf("%q stands alone", word)
	}
	if word == wordCredit {
		return d.credit(p, frames[1])
	}
	if len(frames[1]) > maxTaskID {
		return fmt.Errorf("%s: an id has %d bytes, want at most %d", word, len(frames[1]), maxTaskID)
	}
	err := d.outcome(p, word, taskqueue.ID(frames[1]), frames[2:], now)
	if err != nil {
		return fmt.Errorf("%s %x: %w", word, frames[1], err)
	}
	return nil
}

// maxCredit is the most that a worker can grant.
const maxCredit = 65536

// credit takes in how many tasks a worker is willing to hold.
func (d *dispatcher) credit(p *taskqueue.Peer, text []byte) error {
	n, err := strconv.ParseUint(string(cut(text)), 10, 32)
	if err != nil || n > maxCredit || len(text) > 10 {
		return fmt.Errorf("CREDIT %q, want a decimal number of 0 to %d", cut(text), maxCredit)
	}
	if n > 0 && !p.Granted() {
		d.workers++
		defer d.changed()
	}
	d.queue.Credit(p, int(n))
	return nil
}

var errWord = errors.New("the word is not known here")

// outcome takes in what a worker says of a task; rest is what follows the id.
func (d *dispatcher) outcome(p *taskqueue.Peer, word string, id taskqueue.ID, rest [][]byte, now time.Time) error {
	switch word {
	case wordDone:
		t, err := d.queue.Done(p, id)
		if t != nil {
			d.finished(t)
		}
		return err
	case wordFail, wordReject:
		dead, err := d.queue.Fail(p, id, reasonOf(rest), word == wordFail, now)
		if dead != nil {
			d.bury(dead)
			d.changed()
		}
		return err
	case wordReturn:
		return d.queue.Return(p, id)
	case wordExtend:
		return d.queue.Extend(p, id, now)
	default:
		return errWord
	}
}

// reasonOf decodes why a task failed.
func reasonOf(rest [][]byte) error {
	if len(rest) == 0 || len(rest[0]) == 0 {
		return Errorf(CodeUnknown, "the worker gave no reason")
	}
	return parseStatus(rest[0])
}
