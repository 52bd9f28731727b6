package pipeline

import "time"

// How long a change that nobody waits for may wait for another one while the store
// has nothing to do, and how many may. A store may be slower than that: while it
// makes a change, the next put is on its way. After the process was killed, the
// tasks that had waited run again.
const (
	maxLate   = 10 * time.Millisecond
	maxLateBy = 1024
)

// finish is update for the end of a task that was done: it may be late.
func (w *storeWriter) finish(s taskStatus) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(s)
	w.delay(1)
}

// remove deletes records that are no longer needed. It does not wait for the store,
// and may be delayed.
func (w *storeWriter) remove(ids ...string) {
	if w == nil || len(ids) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(ids)
	w.delay(len(ids))
}

// flush makes the writer write the delayed changes.
func (w *storeWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurry()
}

// hurry makes the writer write the next change now; w.mu is held.
func (w *storeWriter) hurry() {
	w.due = true
	w.wake.Set()
}

// begin records that the pending changes are being written; w.mu is held.
func (w *storeWriter) begin() {
	w.due, w.late, w.busy = false, 0, true
	w.timer.Stop()
}

// rest records that the store is idle; w.mu is held.
func (w *storeWriter) rest() {
	w.busy = false
	if w.late > 0 {
		w.timer.Reset(maxLate)
	}
}

// delay delays the next change, to which n entries were added, until a change with
// a waiting caller, or until the store has been idle for maxLate; w.mu is held.
func (w *storeWriter) delay(n int) {
	first := w.late == 0 && !w.busy
	w.late += n
	switch {
	case w.due:
	case w.late >= maxLateBy:
		w.hurry()
	case first:
		w.timer.Reset(maxLate)
	}
}
