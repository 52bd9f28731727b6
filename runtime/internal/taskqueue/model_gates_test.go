package taskqueue

import (
	"fmt"
	"testing"
	"time"
)

var modelMethods = []string{"plain", "running", "rate", "keys"}

// modelGates is what a model knows of the limits of methods and keys, of the
// methods that are paused, and of unique keys. What must hold:
//
//   - no task is handed out before its time, or once it has expired;
//   - none is handed out whose method is paused;
//   - when one is handed out, no more tasks of its method, and of its key, run than the
//     limit says, and of any n that began in a row the last one began at least
//     (n - burst) intervals after the first one;
//   - none that a peer would take waits meanwhile with a greater priority;
//   - a unique key belongs to one task at a time.
type modelGates struct {
	*model
	limits map[string]MethodLimit
	paused map[string]bool
	begins map[string][]time.Time // by method, and by method and key
}

func newModelGates(m *model) *modelGates {
	g := &modelGates{
		model: m, paused: make(map[string]bool), begins: make(map[string][]time.Time),
		limits: map[string]MethodLimit{
			"running": {All: Limit{Running: 3}, PerKey: Limit{Running: 1}},
			"rate":    {All: Limit{Every: 300 * time.Millisecond, Burst: 3}, PerKey: Limit{Every: 2 * time.Second}},
			"keys":    {PerKey: Limit{Running: 2, Every: time.Second, Burst: 2}},
		},
	}
	for procedure, limit := range g.limits {
		m.q.LimitMethod(procedure, limit)
	}
	return g
}

// terms gives a task a method, and maybe terms.
func (g *modelGates) terms(t *Task) {
	t.Procedure = modelMethods[g.random.IntN(len(modelMethods))]
	if g.random.IntN(3) == 0 {
		return
	}
	t.Terms = &Terms{Priority: g.random.IntN(3) - 1, Key: []string{"", "a", "b"}[g.random.IntN(3)]}
	if g.random.IntN(4) == 0 {
		t.Terms.NotBefore = g.now.Add(time.Duration(1+g.random.IntN(3000)) * time.Millisecond)
	}
	if g.random.IntN(4) == 0 {
		t.Terms.Expires = g.now.Add(time.Duration(1+g.random.IntN(15000)) * time.Millisecond)
	}
	if g.random.IntN(4) == 0 {
		g.unique(t)
	}
}

// unique gives a task a unique key, unless another one has it.
func (g *modelGates) unique(t *Task) {
	key := fmt.Sprint("u", g.random.IntN(5))
	var until time.Time
	if g.random.IntN(2) == 0 {
		until = g.now.Add(time.Duration(1+g.random.IntN(5000)) * time.Millisecond)
	}
	var owner ID
	for id, other := range g.tasks {
		if terms := other.Terms; terms != nil && terms.UniqueKey == key &&
			(terms.UniqueUntil.After(g.now) || terms.UniqueUntil.IsZero() && !other.over) {
			owner = id
		}
	}
	if id, ok := g.q.Unique(key, g.now); ok != (owner != "") || id != owner {
		g.t.Errorf("unique key %s: task %q has it, want %q", key, id, owner)
	}
	if owner == "" {
		t.Terms.UniqueKey, t.Terms.UniqueUntil = key, until
	}
}

// late reports whether the task is to be given up when it waits.
func (t *modelTask) late(now time.Time) bool {
	return t.Terms != nil && !t.Terms.Expires.IsZero() && !t.Terms.Expires.After(now)
}

func (t *modelTask) names() (method, key string) {
	if t.Terms == nil || t.Terms.Key == "" {
		return t.Procedure, ""
	}
	return t.Procedure, t.Procedure + " " + t.Terms.Key
}

// open reports whether the limits allow a task to begin now.
func (g *modelGates) open(t *modelTask) bool {
	method, key := t.names()
	limit := g.limits[method]
	return !g.paused[method] && g.allows(method, limit.All) && (key == "" || g.allows(key, limit.PerKey))
}

func (g *modelGates) allows(name string, limit Limit) bool {
	running := 0
	for _, t := range g.tasks {
		if method, key := t.names(); t.holder != nil && (method == name || key == name) {
			running++
		}
	}
	if limit.Running > 0 && running >= limit.Running {
		return false
	}
	begins := g.begins[name]
	for i, first := range begins {
		n := len(begins) - i + 1
		if limit.Every > 0 && g.now.Sub(first) < time.Duration(n-max(limit.Burst, 1))*limit.Every {
			return false
		}
	}
	return true
}

// check checks that a task may be handed out now, and before all others.
func (g *modelGates) check(t *modelTask) {
	if !g.open(t) {
		g.t.Errorf("task %s of %q was handed out beyond its limits, or while it was paused: %v", t.ID, t.Procedure, g.paused[t.Procedure])
	}
	for _, other := range g.tasks {
		if !t.suspect && !other.suspect && other.priority() > t.priority() && g.wouldTake(other) != nil {
			g.t.Errorf("task %s was handed out before %s, whose priority is greater", t.ID, other.ID)
		}
	}
}

func (g *modelGates) begin(t *modelTask) {
	method, key := t.names()
	g.begins[method] = append(g.begins[method], g.now)
	if key != "" {
		g.begins[key] = append(g.begins[key], g.now)
	}
}

func (g *modelGates) pause() {
	name := append(modelMethods, "")[g.random.IntN(len(modelMethods)+1)]
	g.paused[name] = !g.paused[name]
	g.q.Pause(name, g.paused[name])
	if name == "" { // all
		for _, method := range modelMethods {
			g.paused[method] = g.paused[name]
		}
	}
}

func (g *modelGates) resume() {
	g.q.Pause("", false)
	for name := range g.paused {
		g.paused[name] = false
	}
}

// BenchmarkMillion takes and adds tasks while a million of 10,000 keys wait, of
// which half may not run.
func BenchmarkMillion(b *testing.B) {
	q := NewQueue(Limits{Tasks: 1 << 21, Bytes: 1 << 30})
	q.LimitMethod("open", MethodLimit{PerKey: Limit{Running: 1000}})
	q.LimitMethod("full", MethodLimit{PerKey: Limit{Running: 1}})
	terms := make([]*Terms, 5000)
	for i := range terms {
		terms[i] = &Terms{Key: fmt.Sprint(i)}
	}
	p := join(q, 1<<20)
	add := func(i int, procedure string) {
		q.Add(&Task{ID: ID(fmt.Sprint(procedure, i)), Procedure: procedure, Terms: terms[i%len(terms)]})
	}
	const half = 500_000
	for i := range half + len(terms) {
		add(i, "full")
	}
	for t, _ := q.Next(start); t != nil; t, _ = q.Next(start) { // each key is full from now on
	}
	for i := range half {
		add(i, "open")
	}
	for i := 0; b.Loop(); i++ {
		t, _ := q.Next(start)
		_, _ = q.Done(p, t.ID)
		add(half+i, "open")
	}
}
