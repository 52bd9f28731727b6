package gozmqpostgres

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

var stateNames = map[gozmqstore.State]string{
	gozmqstore.StateWaiting: "waiting", gozmqstore.StateDead: "dead", gozmqstore.StateDone: "done", gozmqstore.StateBatch: "batch",
	gozmqstore.StatePause: "pause",
}

// damagedName is the state of a record that Load has set aside.
const damagedName = "damaged"

func stateOf(name string) (gozmqstore.State, error) {
	for state := range gozmqstore.State(len(stateNames)) {
		if name == stateNames[state] {
			return state, nil
		}
	}
	return 0, fmt.Errorf("the state is %.40q", name)
}

// stateName returns a state's name. A state that this package does not know is a
// number.
func stateName(s gozmqstore.State) string {
	if name, known := stateNames[s]; known {
		return name
	}
	return fmt.Sprint(uint8(s))
}

// stamp returns a time for a column, nil for none.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// optional returns the bytes of a string, nil for an empty one.
func optional(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// putArrays are new records, column by column.
type putArrays struct {
	ids, batches, headers, bodies, results         [][]byte
	states, procedures, keys, uniqueKeys, reasons  []string
	attempts, maxAttempts, priorities              []int64
	leases, retains                                []int64
	uniques, enqueued, notBefores, expires, endeds []*time.Time
	codes                                          []int32
	size                                           int
}

func newPutArrays(tasks []*gozmqstore.Task) *putArrays {
	a := new(putArrays)
	for _, t := range tasks {
		a.add(t)
	}
	return a
}

func (a *putArrays) add(t *gozmqstore.Task) {
	a.ids, a.states, a.procedures = append(a.ids, []byte(t.ID)), append(a.states, stateName(t.State)), append(a.procedures, escape(t.Procedure))
	a.attempts, a.maxAttempts, a.priorities = append(a.attempts, int64(t.Attempts)), append(a.maxAttempts, int64(t.MaxAttempts)), append(a.priorities, int64(t.Priority))
	a.batches = append(a.batches, optional(t.Batch))
	a.keys, a.uniqueKeys, a.uniques = append(a.keys, escape(t.Key)), append(a.uniqueKeys, escape(t.UniqueKey)), append(a.uniques, stamp(t.UniqueUntil))
	a.leases, a.retains = append(a.leases, t.Lease.Microseconds()), append(a.retains, t.Retain.Microseconds())
	a.enqueued, a.notBefores = append(a.enqueued, stamp(t.Enqueued)), append(a.notBefores, stamp(t.NotBefore))
	a.expires, a.endeds = append(a.expires, stamp(t.Expires)), append(a.endeds, stamp(t.Ended))
	a.codes, a.reasons = append(a.codes, t.Code), append(a.reasons, escape(t.Reason))
	a.headers, a.bodies, a.results = append(a.headers, t.Header), append(a.bodies, t.Body), append(a.results, t.Result)
	a.size += len(t.Body) + len(t.Header) + len(t.Result) + 256
}

func (a *putArrays) args() []any {
	return []any{
		a.ids, a.states, a.procedures, a.attempts, a.maxAttempts, a.priorities, a.batches, a.keys, a.uniqueKeys, a.uniques,
		a.leases, a.retains, a.enqueued, a.notBefores, a.expires, a.endeds, a.codes, a.reasons, a.headers, a.bodies, a.results,
	}
}

// updateArrays are changed statuses, column by column.
type updateArrays struct {
	ids, results                [][]byte
	states, reasons             []string
	attempts                    []int64
	notBefores, expires, endeds []*time.Time
	codes                       []int32
	size                        int
}

func (a *updateArrays) add(id string, s gozmqstore.Status) {
	a.ids, a.states, a.attempts = append(a.ids, []byte(id)), append(a.states, stateName(s.State)), append(a.attempts, int64(s.Attempts))
	a.notBefores, a.expires, a.endeds = append(a.notBefores, stamp(s.NotBefore)), append(a.expires, stamp(s.Expires)), append(a.endeds, stamp(s.Ended))
	a.codes, a.reasons, a.results = append(a.codes, s.Code), append(a.reasons, escape(s.Reason)), append(a.results, s.Result)
	a.size += len(s.Result) + len(s.Reason) + 128
}

func (a *updateArrays) args() []any {
	return []any{a.ids, a.states, a.attempts, a.notBefores, a.expires, a.endeds, a.codes, a.reasons, a.results}
}

// A row is a record as it was read.
type row struct {
	seq  int64
	task gozmqstore.Task
}

// maxID is the largest id, in bytes.
const maxID = 255

// checkTask reports what no ventilator has written.
func checkTask(t *gozmqstore.Task) error {
	switch {
	case len(t.ID) == 0 || len(t.ID) > maxID:
		return fmt.Errorf("the id has %d bytes, want 1 to %d", len(t.ID), maxID)
	case t.Attempts < 0 || t.MaxAttempts < 0 || t.Lease < 0 || t.Retain < 0:
		return fmt.Errorf("a number of attempts, or a duration, is negative")
	case t.State != gozmqstore.StatePause && (t.Procedure == "") != (t.State == gozmqstore.StateBatch):
		return fmt.Errorf("the procedure is %.40q and the state is %v", t.Procedure, t.State)
	}
	return nil
}
