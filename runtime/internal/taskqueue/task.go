// Package taskqueue decides who gets which task of a pipeline that loses none:
// the tasks that wait, what each worker may hold and holds, leases, attempts and
// dead letters. It knows no sockets, starts no goroutines and reads no clock.
package taskqueue

import (
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/list"
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

	state  state
	holder *Peer               // who has it; state held
	when   time.Time           // end of the lease, or of the pause; zero: none
	place  int                 // in the clock; -1: not there
	inLine list.Element[*Task] // of those that wait
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

	turn list.Element[*Peer] // among those that take tasks now
}

// Holds returns how many tasks the peer was given and has not told the end of.
func (p *Peer) Holds() int { return len(p.holds) }

// Granted returns whether the peer has ever been willing to take a task.
func (p *Peer) Granted() bool { return p.granted }
