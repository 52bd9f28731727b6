package taskqueue

import "time"

// A Limit bounds the tasks of a method, or of a key. The zero value does not.
type Limit struct {
	Running int           // that run at a time; 0: any number
	Every   time.Duration // between the begins of two tasks in the long run; 0: none
	Burst   int           // that begin at once when none has begun for long; 0: 1
}

// A MethodLimit bounds the tasks of a method. The zero value does not.
type MethodLimit struct {
	All    Limit // of all its tasks
	PerKey Limit // of the tasks of each key; tasks without a key have none
}

// A gate counts the tasks of a method or a key against its limit.
type gate struct {
	limit   Limit
	paused  bool
	running int
	full    time.Time // when as many tasks may begin at once as the limit allows
	until   time.Time // when it opens; zero: not by time
	idle    bool      // the gate is open, and until is when its rate no longer counts
	inGates int       // its place among the gates that open at a time, plus 1
	lane    *lane     // that it is the gate of; of a method, its plain lane
}

// shut reports whether no task may begin before something ends or time passes.
func (g *gate) shut() bool {
	return g.paused || g.limit.Running > 0 && g.running >= g.limit.Running || !g.until.IsZero() && !g.idle
}

// Less reports whether g opens earlier (heap.Ordered).
func (g *gate) Less(other *gate) bool { return g.until.Before(other.until) }

// Slot returns the place of g in line.gates (heap.Ordered).
func (g *gate) Slot() *int { return &g.inGates }

// opens returns when the limit of the rate allows the next task.
func (g *gate) opens() time.Time {
	return g.full.Add(-time.Duration(max(g.limit.Burst, 1)-1) * g.limit.Every)
}

// begin counts a task that begins.
func (g *gate) begin(now time.Time) {
	if g.limit.Every > 0 {
		if g.full.Before(now) {
			g.full = now
		}
		g.full = g.full.Add(g.limit.Every)
	}
}

// unbegin takes begin back.
func (g *gate) unbegin() {
	if g.limit.Every > 0 {
		g.full = g.full.Add(-g.limit.Every)
	}
}

// closeUntil shuts the gate if the limit of its rate does not allow a task now.
func (l *line) closeUntil(g *gate, now time.Time) (closed bool) {
	if g.limit.Every <= 0 || !g.opens().After(now) {
		return false
	}
	g.until, g.idle = g.opens(), false
	l.gates.Set(g, true)
	l.update(g.lane)
	return true
}

// open opens the gates whose time has come.
func (l *line) open(now time.Time) {
	l.now = now
	for len(l.gates) > 0 && !l.gates[0].until.After(now) {
		g := l.gates[0]
		l.gates.Set(g, false)
		g.until, g.idle = time.Time{}, false
		l.update(g.lane)
		l.drop(g.lane)
	}
}

// admits reports whether t may begin, as far as its method and key go.
func (l *line) admits(t *Task, now time.Time) bool {
	l.enter(t)
	in := t.lane
	for _, g := range []*gate{&in.method.gate, &in.gate} {
		if g.shut() || l.closeUntil(g, now) {
			return false
		}
	}
	return true
}

// begin counts a task that is handed out; unbegin takes that back.
func (l *line) begin(t *Task, now time.Time) {
	t.lane.method.begin(now)
	t.lane.begin(now)
}

func (l *line) unbegin(t *Task) {
	t.lane.method.unbegin()
	t.lane.unbegin()
}

// run counts n tasks like t more as running.
func (l *line) run(t *Task, n int) {
	in := t.lane
	in.method.running += n
	in.running += n
	if in.method.limit.Running > 0 || in.limit.Running > 0 {
		l.update(in)
	}
	l.drop(in)
}
