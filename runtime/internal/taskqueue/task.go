// Package taskqueue decides which worker gets which task with at-least-once
// delivery: it keeps the tasks that wait, the credit and the tasks of each
// worker, leases, attempts and dead letters. It knows no sockets, starts no
// goroutines and reads no clock.
package taskqueue

import (
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// An ID names a task: opaque bytes, unique among all ventilators.
type ID string

// A Task is one task. The caller sets the exported fields before Add and
// changes nothing afterwards; the queue then changes Attempts, Reason and Progress.
type Task struct {
	ID        ID
	Procedure string
	Body      []byte
	Header    []byte // the same in each attempt
	Batch     *Batch // that it belongs to; nil: none
	// Terms are further conditions of its user; nil: none.
	Terms *Terms

	MaxAttempts int           // failures, and losses, after which it is given up; 0: without limit
	Lease       time.Duration // 0: without limit
	Since       time.Time     // when it was added; for Oldest
	Attempts    int           // how often it was begun, including the present attempt
	Reason      error         // why the last attempt failed
	Progress    *Progress     // of the attempt that is under way; nil: not known

	// OwnsBody says that nobody else has Body; the caller may change it.
	OwnsBody bool
	// Control marks a message to the sink that travels as tasks do. It is not
	// counted and never given up.
	Control bool
	state   state
	begun   bool // its holder has begun it
	handled bool // its holder's handler has returned, and the result waits for a sink
	suspect bool // it may have ended its worker: it goes to a worker that has no other task

	holder  *Peer               // the peer that has it; in state held
	when    time.Time           // end of the lease, or of the backoff; zero: none
	inClock int                 // its place there, plus 1
	inLine  list.Element[*Task] // among the waiting tasks; while it is held, of a leaseRun
	lane    *lane               // that it waits in, and counts in while it runs
	turn    int64               // in the line
	inAges  list.Element[*Task] // among the unfinished tasks

	added    uint64    // the queue's number of Add calls: its age
	hand     uint64    // the queue's number of times that it handed out a task: this one's turn
	since    time.Time // when it was handed out last
	first    time.Time // when the attempt was handed out first
	failures int       // attempts that a worker has reported as failed
	past     *past     // nil: all went well
}

// A past is what has become of a task before, if that was no success or failure of
// its handler. Most tasks have none.
type past struct {
	before   time.Time     // when the attempt before was handed out first
	losses   int           // attempts whose worker was lost or whose lease has ended
	refusals int           // times that no worker took its size
	silent   int           // times that it was lost, and its worker had not begun it
	ran      time.Duration // how long its holder had it when that was lost
	claimant *Peer         // that runs an attempt of it although another peer has it; nil: none
	claimed  int           // the attempt that claimant runs
}

// history returns the past of t, which it has from now on.
func (t *Task) history() *past {
	if t.past == nil {
		t.past = new(past)
	}
	return t.past
}

// losses returns how many attempts of t were lost.
func (t *Task) losses() int {
	if t.past == nil {
		return 0
	}
	return t.past.losses
}

// Progress is how far a worker says that a task is.
type Progress struct {
	Done float64 // 0 to 1
	Text string
}

// Terms are the optional conditions of a task. The queue enforces them.
type Terms struct {
	NotBefore   time.Time // until when it waits
	Expires     time.Time // when it is given up, if it waits
	Priority    int       // the greatest comes first
	Key         string    // under which rates and concurrency are limited
	UniqueKey   string    // that no other task may have
	UniqueUntil time.Time
	Retain      time.Duration // for which it is kept after it was done
}

// Again returns the terms of a task that is pushed again, now, which has no unique
// key; nil for nil.
func (t *Terms) Again() *Terms {
	if t == nil {
		return nil
	}
	again := *t
	again.NotBefore, again.Expires = time.Time{}, time.Time{}
	again.UniqueKey, again.UniqueUntil = "", time.Time{}
	return &again
}

// expires returns when t is given up if it waits; zero: never.
func (t *Task) expires() time.Time {
	if t.Terms == nil {
		return time.Time{}
	}
	return t.Terms.Expires
}

// expired reports whether t must be given up if it waits.
func (t *Task) expired(now time.Time) bool {
	return t.Terms != nil && !t.Terms.Expires.IsZero() && !t.Terms.Expires.After(now)
}

// Size returns how many bytes the task counts against the queue's limit.
func (t *Task) Size() int {
	return len(t.Body) + len(t.Header) + len(t.ID) + len(t.Procedure) + overhead
}

// Over reports whether t is done, and its memory may become another task: the only
// peer that it was handed to has reported its end.
func (t *Task) Over() bool {
	return t.state == finished && t.Attempts == 1 && t.past == nil && t.Terms == nil && !t.Control
}

// overhead is the approximate memory of a task in the queue without its content.
const overhead = 256

type state uint8

const (
	waiting    state = iota + 1
	backingOff       // until when, after a failure
	held             // by holder
	reported         // by its holder, within one call
	finished         // done or dead; a worker may not know yet
)

var (
	// ErrUnknown says that a peer reported on a task that it was not given, or
	// whose end it has reported before.
	ErrUnknown = errors.New("the peer does not hold this task")
	// ErrLost is the reason of an attempt whose worker's connection ended.
	ErrLost = errors.New("the connection to the worker was lost")
	// ErrTooLate is the reason of a task that was given up because it expired.
	ErrTooLate = errors.New("the task expired before a worker was to have it")
	// ErrExpired is the reason of an attempt whose lease ended.
	ErrExpired = errors.New("the worker's lease has expired")
)

// A Peer is one worker's connection, as its queue sees it.
type Peer struct {
	credit  int          // how many tasks it is willing to hold
	limit   int64        // bytes of the largest task that it takes; 0: any
	granted bool         // it had credit once
	stopped bool         // it gets no more credit
	Cancels bool         // the caller sets it: it knows how to end a task
	Claims  []ID         // for the caller: claimed tasks that may have been canceled
	blocked bool         // nothing can be sent just now
	gone    bool         // has left
	held    int          // tasks that it has: their holder
	late    map[ID]*Task // tasks that it has not reported the end of, and does not have any more
	order   []given      // the tasks handed to it, oldest first, including some that it has reported since
	begun   int          // tasks that it has and has begun
	alone   *Task        // a suspect, next to which it gets no task; nil: none

	turn list.Element[*Peer] // among the peers that can get a task now
}

// A given is one time that a task was handed to a peer.
type given struct {
	task        *Task
	added, hand uint64 // the task's then: its memory may be another task's by now
}

// Holds returns how many tasks the peer was given and has not reported the end
// of.
func (p *Peer) Holds() int { return p.held + len(p.late) }

// Works reports whether the peer has ever had credit and was not stopped.
func (p *Peer) Works() bool { return p.granted && !p.stopped }
