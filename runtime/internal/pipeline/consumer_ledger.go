package pipeline

import "github.com/gozmq/gozmq/runtime/internal/list"

// A ledger is the tasks that a consumer has, and the ids of the last
// consumerMemory that were done here, so that one that comes again after a broken
// connection is not run again. Its zero value is not usable. The consumer's lock
// guards it.
type ledger struct {
	tasks map[string]*Delivery // by id; nil: was done
	held  list.List[*Delivery] // of these, the ones that wait and those that run
	done  []string             // ids of the others; oldest at next once it is full
	next  int
}

// consumerMemory is how many tasks a consumer remembers to have done.
const consumerMemory = 4096

func newLedger() ledger { return ledger{tasks: make(map[string]*Delivery)} }

// find returns the task with an id, nil if there is none, or none any more because
// it was done.
func (l *ledger) find(id []byte) (d *Delivery, done bool) {
	d, known := l.tasks[string(id)]
	return d, known && d == nil
}

// add adds a task that is not known.
func (l *ledger) add(d *Delivery) {
	l.tasks[d.id] = d
	l.held.PushBack(&d.place, d)
	d.held = true
}

// remove removes a task that is held.
func (l *ledger) remove(d *Delivery) {
	l.drop(d)
	delete(l.tasks, d.id)
}

func (l *ledger) drop(d *Delivery) {
	d.held = false
	d.place.Remove()
}

// finish notes that a task was done, which is held or has been. It returns false,
// and has no effect, if that is noted already, or the task has come again and is
// held.
func (l *ledger) finish(d *Delivery) bool {
	if d.held {
		l.drop(d)
	} else if _, known := l.tasks[d.id]; known {
		return false
	}
	l.tasks[d.id] = nil
	if len(l.done) < consumerMemory {
		l.done = append(l.done, d.id)
		return true
	}
	delete(l.tasks, l.done[l.next])
	l.done[l.next] = d.id
	l.next = (l.next + 1) % consumerMemory
	return true
}

// each calls f with each task that is held, which may remove it, and no other.
func (l *ledger) each(f func(*Delivery)) {
	for e := l.held.First(); e != nil; {
		d := e.Value()
		e = e.Next()
		f(d)
	}
}
