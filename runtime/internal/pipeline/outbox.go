package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// NewRecord returns the record of a task that is not pushed, but inserted into a
// store from which a Dispatcher feeds (gozmqstore.Feeder). It keeps the task's
// body.
func NewRecord(t Task) gozmqstore.Task {
	s := gozmqstore.Task{
		ID: string(newID()), Procedure: t.Procedure, Body: t.Body, Header: metadataHeader(t.Metadata),
		MaxAttempts: t.MaxAttempts, Lease: t.Lease, Enqueued: time.Now(),
	}
	setTerms(&s, t.Terms)
	if t.Terms != nil {
		s.NotBefore, s.Expires = t.Terms.NotBefore, t.Terms.Expires
	}
	return s
}
