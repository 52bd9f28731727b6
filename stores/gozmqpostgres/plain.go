package gozmqpostgres

import (
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// allPlain reports whether tasks are new ones without options: all columns except
// those of plainArrays have their defaults.
func allPlain(tasks []*gozmqstore.Task) bool {
	for _, t := range tasks {
		if !plain(t) {
			return false
		}
	}
	return true
}

func plain(t *gozmqstore.Task) bool {
	s := &t.Status
	return t.Batch == "" && t.Priority == 0 && t.Key == "" && t.UniqueKey == "" && t.UniqueUntil.IsZero() && t.Retain == 0 &&
		s.State == gozmqstore.StateWaiting && s.Attempts == 0 && s.NotBefore.IsZero() && s.Expires.IsZero() && s.Ended.IsZero() &&
		s.Code == 0 && s.Reason == "" && s.Result == nil
}

// plainArrays are new records that are plain, column by column.
type plainArrays struct {
	ids, headers, bodies [][]byte
	procedures           []string
	maxAttempts, leases  []int64
	enqueued             []*time.Time
	size                 int
}

func newPlainArrays(tasks []*gozmqstore.Task) *plainArrays {
	n := len(tasks)
	a := &plainArrays{
		ids: make([][]byte, n), headers: make([][]byte, n), bodies: make([][]byte, n), procedures: make([]string, n),
		maxAttempts: make([]int64, n), leases: make([]int64, n), enqueued: make([]*time.Time, n),
	}
	for i, t := range tasks {
		a.ids[i], a.headers[i], a.bodies[i], a.procedures[i] = []byte(t.ID), t.Header, t.Body, escape(t.Procedure)
		a.maxAttempts[i], a.leases[i], a.enqueued[i] = int64(t.MaxAttempts), t.Lease.Microseconds(), stamp(t.Enqueued)
		a.size += len(t.Body) + len(t.Header) + 128
	}
	return a
}

func (a *plainArrays) args() []any {
	return []any{a.ids, a.procedures, a.maxAttempts, a.leases, a.enqueued, a.headers, a.bodies}
}
