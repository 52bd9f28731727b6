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

// remove deletes records that are not needed any more. It does not wait for the
// store, and may be late.
func (w *storeWriter) remove(ids ...string) {
	if w == nil || len(ids) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(ids)
	w.delay(len(ids))
}

// flush has what is late written.
func (w *storeWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurry()
}

// hurry has the next change written now; w.mu is held.
func (w *storeWriter) hurry() {
	w.due = true
	w.wake.Set()
}

// begin notes that what there is to write is being written; w.mu is held.
func (w *storeWriter) begin() {
	w.due, w.late, w.busy = false, 0, true
	w.timer.Stop()
}

// rest notes that the store has nothing to do; w.mu is held.
func (w *storeWriter) rest() {
	w.busy = false
	if w.late > 0 {
		w.timer.Reset(maxLate)
	}
}

// delay has the next change, to which n were added, written when another one is,
// or when the store has had nothing to do for maxLate; w.mu is held.
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
