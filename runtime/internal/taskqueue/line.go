package taskqueue

import (
	"cmp"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/heap"
	"github.com/gozmq/gozmq/runtime/internal/list"
)

// A line holds the waiting tasks, in the order in which they are handed out: the
// highest priority first, then first in, first out. Others pass a task whose method
// or key is at a limit. The cost of handing out a task grows with the logarithm of
// the numbers of methods and keys, and not with the number of tasks.
type line struct {
	methods     map[string]*method
	ready       heap.Heap[*laneOf[*method]] // those with a task that may be handed out
	gates       heap.Heap[*gate]            // gates that open at a known time
	first, last int64                       // turns of the first and the last task
	now         time.Time                   // of the last look
	paused      bool                        // methods that are new are paused
	passed      []*lane                     // that find has gone past; kept for the next one
}

// A method is the tasks of one method that wait, by key.
type method struct {
	gate
	laneOf[*method]
	keyed Limit // of each key
	plain *lane // tasks without a key
	keys  map[string]*lane
	ready heap.Heap[*laneOf[*lane]] // those with a task that may be handed out
}

// A lane is tasks that wait and share every limit, by priority.
type lane struct {
	gate
	laneOf[*lane]
	method *method
	key    string
	levels []level // greatest priority first; none is empty

	passed  *Task             // the last task that find has passed; nil: none
	spare   *list.List[*Task] // of a level that was emptied; nil: none
	dropped bool              // there may be another lane for the key
}

// A level is the tasks of one priority, first in, first out.
type level struct {
	priority int
	tasks    *list.List[*Task]
}

// add puts a task that waits into the line, as the first or the last one of its
// priority.
func (l *line) add(t *Task, front bool) {
	l.enter(t)
	if front {
		l.first--
		t.turn = l.first
	} else {
		l.last++
		t.turn = l.last
	}
	l.insert(t, front)
}

// insert puts a task, which has its lane and its turn, at an end of its priority.
func (l *line) insert(t *Task, front bool) {
	in, priority := t.lane, t.priority()
	i, found := slices.BinarySearchFunc(in.levels, priority, func(v level, p int) int { return cmp.Compare(p, v.priority) })
	if !found {
		in.levels = slices.Insert(in.levels, i, level{priority, in.newList()})
	}
	if tasks := in.levels[i].tasks; front {
		tasks.PushFront(&t.inLine, t)
	} else {
		tasks.PushBack(&t.inLine, t)
	}
	l.update(in)
}

// remove takes a task that is in the line out of it.
func (l *line) remove(t *Task) {
	t.inLine.Remove()
	in := t.lane
	i := slices.IndexFunc(in.levels, func(v level) bool { return v.priority == t.priority() })
	if i >= 0 && in.levels[i].tasks.Empty() {
		in.spare = in.levels[i].tasks
		in.levels = slices.Delete(in.levels, i, i+1)
	}
	l.update(in)
}

// newList returns an empty list for a level.
func (l *lane) newList() *list.List[*Task] {
	if tasks := l.spare; tasks != nil {
		l.spare = nil
		return tasks
	}
	return new(list.List[*Task])
}

// update puts a lane, and its method, where their first tasks belong.
func (l *line) update(in *lane) {
	m := in.method
	put(&m.ready, in, &in.laneOf, in.head(), in.shut())
	put(&l.ready, m, &m.laneOf, m.head(), m.shut())
}

// head returns the first task of a lane that find has not gone past, nil if there
// is none.
func (l *lane) head() *Task {
	i := 0
	if t := l.passed; t != nil {
		if e := t.inLine.Next(); e != nil {
			return e.Value()
		}
		i = 1 + slices.IndexFunc(l.levels, func(v level) bool { return v.priority == t.priority() })
	}
	if i == len(l.levels) {
		return nil
	}
	return l.levels[i].tasks.First().Value()
}

// head returns the first task of a method that may be handed out, nil if there is
// none.
func (m *method) head() *Task {
	if len(m.ready) == 0 {
		return nil
	}
	return m.ready[0].first
}

// find returns the first task that may be handed out and that a peer takes, with
// the peer; nil if there is none.
func (l *line) find(now time.Time, q *Queue) (t *Task, p *Peer) {
	for p == nil && len(l.ready) > 0 {
		m := l.ready[0].of
		in := m.ready[0].of
		if l.closeUntil(&m.gate, now) || l.closeUntil(&in.gate, now) {
			continue
		}
		t = in.first
		if p = q.offer(t, now); p != nil || t.state != waiting {
			continue
		}
		if in.passed == nil {
			l.passed = append(l.passed, in)
		}
		in.passed = t
		l.update(in)
	}
	for i, in := range l.passed {
		in.passed = nil
		l.update(in)
		l.passed[i] = nil
	}
	l.passed = l.passed[:0]
	if p == nil {
		return nil, nil
	}
	return t, p
}

// enter sets the lane of t, which may wait or run from now on.
func (l *line) enter(t *Task) {
	if t.lane != nil && !t.lane.dropped {
		return
	}
	name := t.Procedure
	if t.Control {
		name = control
	}
	m, key := l.method(name), t.key()
	switch {
	case key == "" || m.keyed == (Limit{}):
		t.lane = m.plain
	case m.keys[key] != nil:
		t.lane = m.keys[key]
	default:
		t.lane = newLane(m, key, m.keyed)
		m.keys[key] = t.lane
	}
}

func newLane(m *method, key string, limit Limit) *lane {
	in := &lane{method: m, key: key}
	in.gate = gate{limit: limit, lane: in}
	return in
}

// method returns the method of that name.
func (l *line) method(name string) *method {
	m := l.methods[name]
	if m == nil {
		m = &method{keys: make(map[string]*lane)}
		m.plain = newLane(m, "", Limit{})
		m.gate = gate{lane: m.plain}
		m.paused = l.paused && name != control
		if l.methods == nil {
			l.methods = make(map[string]*method)
		}
		l.methods[name] = m
	}
	return m
}

// drop forgets the lane of a key without waiting or running tasks, once its rate no
// longer counts.
func (l *line) drop(in *lane) {
	if in.key == "" || in.dropped || len(in.levels) > 0 || in.running > 0 || !in.until.IsZero() {
		return
	}
	if in.full.After(l.now) {
		in.until, in.idle = in.full, true
		l.gates.Set(&in.gate, true)
		return
	}
	in.dropped = true
	delete(in.method.keys, in.key)
}

// limit sets the limits of a method.
func (l *line) limit(m *method, limit MethodLimit) {
	m.gate.limit, m.keyed = limit.All, limit.PerKey
	m.until, m.idle = time.Time{}, false
	l.gates.Set(&m.gate, false)
	l.update(m.plain)
}

// rekey moves the tasks of a method whose limit per key has changed to other lanes;
// waiting tasks keep their order. It resets the rates of the keys.
func (l *line) rekey(m *method, waits, counts []*Task) {
	for key, in := range m.keys {
		l.gates.Set(&in.gate, false)
		in.dropped = true
		delete(m.keys, key)
	}
	for _, t := range counts {
		before := t.lane
		t.lane = nil
		l.enter(t)
		if t.state == held {
			before.running--
			t.lane.running++
		}
	}
	slices.SortFunc(waits, func(a, b *Task) int { return cmp.Compare(a.turn, b.turn) })
	for _, t := range waits {
		t.lane = nil
		l.enter(t)
		l.insert(t, false)
	}
	for _, in := range m.keys {
		l.update(in)
	}
}

// pause sets whether no task of a method, or for "" of all, is handed out.
func (l *line) pause(procedure string, paused bool) {
	if procedure != "" {
		l.method(procedure).pause(l, paused)
		return
	}
	l.paused = paused
	for name, m := range l.methods {
		if name != control {
			m.pause(l, paused)
		}
	}
}

func (m *method) pause(l *line, paused bool) {
	m.paused = paused
	l.update(m.plain)
}

// control is the name of the method of messages about batches, which no limit holds
// up.
const control = ""

// A laneOf is the place of a lane, or a method, in a heap.
type laneOf[T any] struct {
	of      T
	first   *Task // the task that counts
	inReady int   // its place there, plus 1
}

// Less reports whether the first task of l comes before the first task of other
// (heap.Ordered).
func (l *laneOf[T]) Less(other *laneOf[T]) bool { return l.first.precedes(other.first) }

// Slot returns the place of l in its heap (heap.Ordered).
func (l *laneOf[T]) Slot() *int { return &l.inReady }

// put puts a lane, or a method, where its first task belongs, or takes it out of
// the heap if there is none, or it is shut.
func put[T any](h *heap.Heap[*laneOf[T]], of T, l *laneOf[T], first *Task, shut bool) {
	in := first != nil && !shut
	if in && l.first == first {
		return
	}
	if in {
		l.of, l.first = of, first
	}
	h.Set(l, in)
	if !in {
		l.first = nil
	}
}

// precedes reports whether t comes before other in the line.
func (t *Task) precedes(other *Task) bool {
	if p, q := t.priority(), other.priority(); p != q {
		return p > q
	}
	return t.turn < other.turn
}

func (t *Task) priority() int {
	if t.Terms == nil {
		return 0
	}
	return t.Terms.Priority
}

func (t *Task) key() string {
	if t.Terms == nil {
		return ""
	}
	return t.Terms.Key
}
