package gozmqbolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A stream visits the tasks of a sound file one by one, without further memory.
type stream struct {
	visit  func(gozmqstore.Task) error
	tasks  int   // that were visited
	failed error // visit's
	name   string
}

// errUnsound says that the file has a fault, so that content must read it and
// report the fault.
var errUnsound = errors.New("something is wrong with the file")

// run visits the tasks with their statuses. It returns errUnsound at the first
// record, entry of the index or status that does not fit the others, and the error
// of visit, which is also kept.
func (s *stream) run(ctx context.Context, b buckets) error {
	index := b.numbers.Cursor()
	status := newStatusCursor(b.statuses)
	tasks := b.tasks.Cursor()
	last := uint64(0)
	for number, record := tasks.First(); number != nil; number, record = tasks.Next() {
		t, err := sound(index, number, record)
		if err == nil {
			err = status.of(number, &t.Status)
		}
		if err != nil {
			return errUnsound
		}
		if t.Procedure == s.name {
			t.Procedure = s.name // one string for all tasks of a method
		}
		s.name = t.Procedure
		s.tasks++
		if s.failed = errors.Join(s.visit(t), ctx.Err()); s.failed != nil {
			return s.failed
		}
		last = binary.BigEndian.Uint64(number)
	}
	indexed := 0
	for id, _ := index.First(); id != nil; id, _ = index.Next() {
		indexed++
	}
	if indexed != s.tasks || status.number != nil || b.tasks.Sequence() < last {
		return errUnsound
	}
	return nil
}

// sound returns the task of a record that the index has, too.
func sound(index *bbolt.Cursor, number, record []byte) (t gozmqstore.Task, err error) {
	body, version, err := unseal(number, record)
	if err != nil {
		return t, err
	}
	if t, err = decode(body, version); err != nil {
		return t, err
	}
	if id, place := index.Seek([]byte(t.ID)); string(id) != t.ID || !bytes.Equal(place, number) || len(number) != 8 {
		return t, errUnsound
	}
	return t, nil
}

// A statusCursor reads statuses in the order of their tasks.
type statusCursor struct {
	cursor         *bbolt.Cursor
	number, record []byte // the next one; nil: none
}

func newStatusCursor(b *bbolt.Bucket) *statusCursor {
	c := &statusCursor{cursor: b.Cursor()}
	c.number, c.record = c.cursor.First()
	return c
}

// of sets s to the status of a task, if it has one. It returns an error if that is
// damaged, or if there is one before it without a task.
func (c *statusCursor) of(number []byte, s *gozmqstore.Status) error {
	if c.number == nil || bytes.Compare(c.number, number) > 0 {
		return nil
	}
	body, version, err := unseal(number, c.record) // of another number: the checksum does not fit
	if err == nil {
		err = decodeStatus(body, version, s)
	}
	c.number, c.record = c.cursor.Next()
	return err
}
