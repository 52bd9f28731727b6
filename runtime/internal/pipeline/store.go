package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// ErrNotOwner says that another dispatcher owns the queue of the store.
var ErrNotOwner = errors.New("this ventilator stands by: another one owns the queue of the task store")

// A StoredReason is the stored form of why a task was given up, or an attempt
// failed.
type StoredReason struct {
	Code int32
	Text string
}

// Error returns the text.
func (r *StoredReason) Error() string { return r.Text }

// stored returns a task as its store keeps it; d.mu is held.
func (d *Dispatcher) stored(t *taskqueue.Task) gozmqstore.Task {
	s := gozmqstore.Task{
		ID: string(t.ID), Procedure: t.Procedure, Body: t.Body, Header: t.Header,
		MaxAttempts: t.MaxAttempts, Lease: t.Lease, Enqueued: t.Since, Status: d.statusOf(t),
	}
	if t.Batch != nil {
		s.Batch = string(t.Batch.ID)
	}
	setTerms(&s, t.Terms)
	return s
}

// setTerms sets what does not change of the terms of a task.
func setTerms(s *gozmqstore.Task, terms *taskqueue.Terms) {
	if terms != nil {
		s.Priority, s.Key, s.Retain = terms.Priority, terms.Key, terms.Retain
		s.UniqueKey, s.UniqueUntil = terms.UniqueKey, terms.UniqueUntil
	}
}

// statusOf returns the status of a task that is not finished; d.mu is held.
func (d *Dispatcher) statusOf(t *taskqueue.Task) gozmqstore.Status {
	s := gozmqstore.Status{State: gozmqstore.StateWaiting, Attempts: t.Attempts}
	if t.Reason != nil {
		s.Code, s.Reason = failure(t.Reason)
	}
	if t.Terms != nil {
		s.NotBefore, s.Expires = t.Terms.NotBefore, t.Terms.Expires
	}
	return s
}

// failure returns why an attempt failed, in its form on the wire and in stores.
func failure(err error) (code int32, text string) {
	f := Failure(err)
	return int32(f.Code), f.Message
}

// restoredTask returns a waiting task of a store. Stores of earlier versions have
// its limits in the header.
func restoredTask(s *gozmqstore.Task, now time.Time) *taskqueue.Task {
	t := &taskqueue.Task{
		ID: taskqueue.ID(s.ID), Procedure: s.Procedure, Body: s.Body, Header: s.Header, Attempts: s.Attempts,
		MaxAttempts: s.MaxAttempts, Lease: s.Lease, Since: s.Enqueued,
	}
	if t.Since.IsZero() {
		t.Since = now
		h := wire.ParseTaskHeader(s.Header)
		t.MaxAttempts, t.Lease = h.Attempt, h.Lease
		t.Header = metadataHeader(h.Metadata)
	}
	if s.Reason != "" || s.Code != 0 {
		t.Reason = &StoredReason{s.Code, s.Reason}
	}
	terms := taskqueue.Terms{
		Priority: s.Priority, Key: s.Key, UniqueKey: s.UniqueKey, UniqueUntil: s.UniqueUntil,
		NotBefore: s.NotBefore, Expires: s.Expires, Retain: s.Retain,
	}
	if terms != (taskqueue.Terms{}) {
		t.Terms = &terms
	}
	return t
}

// checkStored returns the fault of a record that its store could decode, if any.
func checkStored(s *gozmqstore.Task) error {
	switch {
	case s.ID == "" || len(s.ID) > wire.MaxTaskID:
		return fmt.Errorf("a task in the store has the id %q, want 1 to %d bytes: it is left there", s.ID, wire.MaxTaskID)
	case s.State == gozmqstore.StateBatch && wire.BatchOf(s.Header) == nil:
		return fmt.Errorf("record %x in the store is to be the state of a batch, and has none: it is left there", s.ID)
	case s.State != gozmqstore.StateBatch && s.State != gozmqstore.StatePause && s.Procedure == "":
		return fmt.Errorf("task %x in the store has no method: it is left there", s.ID)
	}
	return nil
}

// storeFailure converts the error of a put to an error of a Dispatcher.
func storeFailure(ctx context.Context, err error) error {
	if errors.Is(err, link.ErrClosed) || errors.Is(err, ErrNotOwner) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return &StoreError{err}
}
