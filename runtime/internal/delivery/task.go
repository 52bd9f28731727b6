// Package delivery decides who gets which task of a pipeline that loses none:
// the tasks that wait, what each worker may hold and holds, leases, attempts and
// dead letters. It knows no sockets, starts no goroutines and reads no clock.
package delivery

import (
	"errors"
	"time"
)

// An ID names a task: opaque bytes, unique among all ventilators.
type ID string

// A Task is one task. What is exported is the caller's until Add; then the
// queue changes Attempts and Reason, and the caller changes nothing.
type Task struct {
	ID     ID
	Method string
	Body   []byte
	Header []byte // what is the same in each attempt
	Batch  *Batch // nil: of none
	// Control marks a message to the sink that travels as tasks do. It is not
	// counted and never given up.
	Control bool

	MaxAttempts int           // 0: without limit
	Lease       time.Duration // 0: without limit
	Attempts    int           // how often it was handed out
	Reason      error         // why the last attempt failed

	state      state
	holder     *Peer     // who has it; state held
	when       time.Time // end of the lease, or of the pause; zero: none
	place      int       // in the clock; -1: not there
	next, prev *Task     // in the line of those that wait
}

// Size returns what the task counts against the queue's limit of bytes.
func (t *Task) Size() int { return len(t.Body) + len(t.Header) + len(t.ID) + len(t.Method) + overhead }

// overhead is about what the queue keeps for a task beside its content.
const overhead = 256

type state uint8

const (
	waiting  state = iota + 1
	paused         // until when, after a failure
	held           // by holder
	finished       // done or dead; a worker may not know yet
)

var (
	// ErrUnknown says that a peer spoke of a task that it was not given, or of
	// which it has told the end already.
	ErrUnknown = errors.New("the peer does not hold this task")
	// ErrLost is why an attempt failed whose worker is gone.
	ErrLost = errors.New("the connection to the worker was lost")
	// ErrExpired is why an attempt failed whose worker held it for too long.
	ErrExpired = errors.New("the worker's lease has expired")
)

// A Peer is one worker's connection, as its queue sees it.
type Peer struct {
	credit  int          // how many tasks it is willing to hold
	granted bool         // it had credit once
	blocked bool         // nothing can be sent just now
	gone    bool         // has left
	holds   map[ID]*Task // what it was given and has not told the end of

	list       *peers // where it stands; nil: takes nothing now
	next, prev *Peer
}

// Holds returns how many tasks the peer was given and has not told the end of.
func (p *Peer) Holds() int { return len(p.holds) }

// Granted returns whether the peer has ever been willing to take a task.
func (p *Peer) Granted() bool { return p.granted }

// peers is a list of peers that take tasks, in turn.
type peers struct{ first, last *Peer }

func (l *peers) push(p *Peer) {
	p.list, p.prev, p.next = l, l.last, nil
	if l.last != nil {
		l.last.next = p
	} else {
		l.first = p
	}
	l.last = p
}

func (p *Peer) unlist() {
	l := p.list
	if l == nil {
		return
	}
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.last = p.prev
	}
	p.list, p.next, p.prev = nil, nil, nil
}

// line is the tasks that wait, in order.
type line struct{ first, last *Task }

func (l *line) push(t *Task) {
	t.prev, t.next = l.last, nil
	if l.last != nil {
		l.last.next = t
	} else {
		l.first = t
	}
	l.last = t
}

func (l *line) pushFront(t *Task) {
	t.prev, t.next = nil, l.first
	if l.first != nil {
		l.first.prev = t
	} else {
		l.last = t
	}
	l.first = t
}

func (l *line) remove(t *Task) {
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		l.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		l.last = t.prev
	}
	t.next, t.prev = nil, nil
}
