package gozmqstore

import (
	"fmt"
	"time"
)

// A Task is a record: a task or, with StateBatch or StatePause, something else that
// a ventilator keeps. Times have a resolution of a microsecond; the zero time means
// none. All fields but those of Status stay as they were put.
type Task struct {
	ID        string // 1 to 255 bytes, unique in the queue; not printable
	Procedure string // "package.Service/Method"; empty with StateBatch, and with StatePause for all
	Body      []byte // the encoded message
	Header    []byte // what travels with it: metadata, the batch; opaque
	Batch     string // the id of its batch; empty: none

	MaxAttempts int           // how many failed attempts make it a dead letter; 0: without limit
	Lease       time.Duration // how long a worker may hold it; 0: without limit
	Priority    int           // the greatest comes first
	Key         string        // rates and concurrency are limited for each key; empty: none
	UniqueKey   string        // no other task may have it until UniqueUntil; empty: none
	UniqueUntil time.Time     // zero, with a UniqueKey: until the task has ended
	Retain      time.Duration // how long it is kept after it was done; 0: not at all
	Enqueued    time.Time     // when it was pushed

	Status

	// Err says, from Load, why the record cannot be read.
	Err error
}

// A Status is the part of a task that changes. An update replaces all of it.
type Status struct {
	State     State
	Attempts  int       // how often a worker has begun it
	NotBefore time.Time // the earliest time at which it may be handed out
	Expires   time.Time // when it is given up if it still waits; when its record is dropped if it has ended
	Ended     time.Time // when it was given up or done
	Code      int32     // the gozmq.Code with which it was given up; 0: none
	Reason    string    // why it was given up, or its last attempt failed
	Result    []byte    // with StateDone: how it was done; opaque
}

// A State says what a record stands for. Stores may write its number.
type State uint8

const (
	StateWaiting State = 0 // it waits for a worker, or a worker has it
	StateDead    State = 1 // it was given up: a dead letter
	StateDone    State = 2 // it was done, and it or its unique key is kept for a time
	StateBatch   State = 3 // the state of a batch; not a task
	StatePause   State = 4 // its method is paused, or all are; not a task
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case StateWaiting:
		return "waiting"
	case StateDead:
		return "dead"
	case StateDone:
		return "done"
	case StateBatch:
		return "batch"
	case StatePause:
		return "pause"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// A Change is a group of changes. A task may be in several of its parts: make Put
// first, then Update, then Delete.
type Change struct {
	// Put has records that are new, in order. One whose id is in the queue already
	// is the same one, of a change that was made although Apply has failed: skip
	// it.
	Put []Task
	// Update has new statuses by id. Ignore ids that the queue does not have.
	Update map[string]Status
	// Delete has ids of records that are over. Ignore those that the queue does
	// not have.
	Delete []string
}

// Empty reports whether there is nothing to change.
func (c *Change) Empty() bool { return len(c.Put) == 0 && len(c.Update) == 0 && len(c.Delete) == 0 }
