package taskqueue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var errFailed = errors.New("failed")

// A model is a queue and what is known of it from what went in and came out.
type model struct {
	t      *testing.T
	random *rand.Rand
	now    time.Time
	q      *Queue
	peers  []*modelPeer
	tasks  map[ID]*modelTask
	batch  *Batch
	ids    []ID // in the order in which they came
	done   uint64
	dead   uint64
	again  uint64
	gates  *modelGates
	spare  []*Task // that are over: others take their memory
}

type modelPeer struct {
	*Peer
	credit  int
	blocked bool
	holds   map[ID]bool // told nothing of yet
}

type modelTask struct {
	*Task
	attempts int
	failures int
	losses   int
	holder   *modelPeer // nil: waits
	deadline time.Time  // of its lease
	resting  time.Time  // end of the pause after a failure
	claimant *modelPeer // that runs an attempt although holder has the task
	claimed  int        // that attempt
	over     bool
}

const (
	modelLease = 10 * time.Second
	modelPause = time.Second
	modelMax   = 4
)

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1000, 0), tasks: make(map[ID]*modelTask),
		q: NewQueue(Limits{Tasks: 50, Bytes: 1 << 20, Backoff: Backoff{First: modelPause, Limit: 2 * modelPause}}),
	}
	m.batch = &Batch{}
	m.gates = newModelGates(m)
	return m
}

// newID returns an id that the queue has given out or, as of a task that comes from
// a store, one that it has not.
func (m *model) newID() ID {
	var random [RandomBytes]byte
	binary.BigEndian.PutUint64(random[m.random.IntN(2)*4:], m.random.Uint64())
	id := ID(fmt.Sprintf("%06d", len(m.ids)))
	switch m.random.IntN(4) {
	case 0:
	case 1: // another queue has given it out
		id = ID("\x00\x00\x00") + ID(rune(m.random.IntN(20))) + ID(random[:])
	case 2:
		m.q.DropID(m.q.NewID(random))
		fallthrough
	default:
		id = m.q.NewID(random)
	}
	m.ids = append(m.ids, id)
	return id
}

// someID returns the id of some task, or one that none has.
func (m *model) someID() ID {
	if i := m.random.IntN(len(m.ids) + 2); i < len(m.ids) {
		return m.ids[i]
	}
	return ID("none")
}

func (m *model) add() {
	task := new(Task)
	if n := len(m.spare); n > 0 {
		task, m.spare = m.spare[n-1], m.spare[:n-1]
	}
	*task = Task{ID: m.newID(), MaxAttempts: modelMax, Lease: modelLease, Batch: m.batch, Body: []byte("x")}
	if m.random.IntN(4) == 0 {
		task.MaxAttempts = 0
	}
	if m.random.IntN(8) == 0 {
		task.Lease = 0
	}
	m.gates.terms(task)
	if m.q.Full(task) {
		if m.q.Len() < 50 {
			m.t.Errorf("full with %d tasks", m.q.Len())
		}
		m.q.DropID(task.ID)
		return
	}
	m.q.Add(task)
	m.batch.Tasks++
	t := &modelTask{Task: task}
	if task.Terms != nil {
		t.resting = task.Terms.NotBefore
	}
	m.tasks[task.ID] = t
}

func (m *model) join() {
	p := &modelPeer{Peer: m.q.Join(), holds: make(map[ID]bool)}
	m.peers = append(m.peers, p)
	m.credit(p)
}

func (m *model) credit(p *modelPeer) {
	p.credit = m.random.IntN(6)
	m.q.Credit(p.Peer, p.credit)
}

func (m *model) block(p *modelPeer) {
	p.blocked = !p.blocked
	m.q.Block(p.Peer, p.blocked)
}

// hand takes one task from the queue, or checks that there was none to take.
func (m *model) hand() bool {
	task, peer := m.q.Next(m.now)
	if task == nil {
		for _, t := range m.tasks {
			if p := m.wouldTake(t); p != nil {
				m.t.Errorf("task %s waits, and a peer with credit %d that holds %d takes it", t.ID, p.credit, len(p.holds))
			}
		}
		return false
	}
	t := m.tasks[task.ID]
	p := m.peer(peer)
	switch {
	case t == nil || t.over || t.holder != nil || t.resting.After(m.now) || t.late(m.now):
		m.t.Errorf("task %s was handed out: %+v", task.ID, t)
	case p.blocked || len(p.holds) >= p.credit || p.holds[t.ID]:
		m.t.Errorf("task %s went to a peer with credit %d that holds %d", t.ID, p.credit, len(p.holds))
	case p.alone != nil && p.alone != task || task.suspect && len(p.holds) > 0:
		m.t.Errorf("task %s, a suspect: %v, went to a peer that holds %d, beside %v", t.ID, task.suspect, len(p.holds), p.alone)
	case m.idle(task.ID) && len(p.holds) > 0:
		m.t.Errorf("task %s went to a peer that holds %d, and one holds nothing", t.ID, len(p.holds))
	}
	m.gates.check(t)
	t.claimant = nil
	if m.random.IntN(20) == 0 {
		m.q.Undo(task, peer)
		return false
	}
	m.gates.begin(t)
	t.attempts++
	if t.attempts > 1 {
		m.again++
	}
	t.holder = p
	p.holds[t.ID] = true
	m.extendModel(t)
	return true
}

func (m *model) idle(id ID) bool {
	return slices.ContainsFunc(m.peers, func(p *modelPeer) bool { return !p.blocked && p.credit > 0 && len(p.holds) == 0 && !p.holds[id] })
}

func (m *model) wouldTake(t *modelTask) *modelPeer {
	if t.over || t.holder != nil || t.resting.After(m.now) || t.late(m.now) || !m.gates.open(t) {
		return nil
	}
	for _, p := range m.peers {
		if p.Peer != m.q.kept && !p.blocked && len(p.holds) < p.credit && !p.holds[t.ID] && p.alone == nil && (!t.suspect || len(p.holds) == 0) {
			return p
		}
	}
	return nil
}

func (m *model) extendModel(t *modelTask) {
	if t.Lease > 0 {
		t.deadline = m.now.Add(t.Lease)
	}
}

func (m *model) peer(p *Peer) *modelPeer {
	i := slices.IndexFunc(m.peers, func(o *modelPeer) bool { return o.Peer == p })
	if i < 0 {
		m.t.Fatal("a peer that has left was given a task")
	}
	return m.peers[i]
}

// tell has a peer say something of a task that it holds, or of any other.
func (m *model) tell(p *modelPeer) {
	id := m.someID()
	if len(p.holds) > 0 && m.random.IntN(5) > 0 {
		ids := make([]ID, 0, len(p.holds))
		for held := range p.holds {
			ids = append(ids, held)
		}
		slices.Sort(ids)
		id = ids[m.random.IntN(len(ids))]
	}
	t, knows := m.tasks[id], p.holds[id]
	var err error
	say := m.random.IntN(5)
	if knows && t.claimant == p && say < 3 { // it reports an end
		t.claimant = nil
	}
	switch say {
	case 0:
		var finished *Task
		finished, err = m.q.Done(p.Peer, id)
		if knows {
			m.wantEnd(t, finished, !t.over)
			m.finish(t, &m.done)
		}
		delete(p.holds, id)
		if finished != nil && finished.Over() {
			m.spare = append(m.spare, finished)
			t.Task = &Task{ID: id, Terms: finished.Terms} // for the checks that follow
		}
	case 1:
		again := m.random.IntN(3) > 0
		var dead *Task
		dead, err = m.q.Fail(p.Peer, id, errFailed, again, m.now)
		if knows && t.holder == p {
			t.failures++
			end := !again || t.mustEnd()
			m.wantEnd(t, dead, end)
			t.holder, t.resting = nil, m.now.Add(m.q.limits.Backoff.after(t.attempts))
			if end {
				m.finish(t, &m.dead)
			}
		}
		delete(p.holds, id)
	case 2:
		err = m.q.Return(p.Peer, id, m.now)
		if knows && t.holder == p {
			t.holder = nil
			t.attempts--
			if p.credit > 0 {
				t.resting = m.now.Add(modelPause)
			}
		}
		delete(p.holds, id)
	case 3:
		err = m.q.Extend(p.Peer, id, 0, m.now)
		if knows && t.holder == p {
			m.extendModel(t)
		}
	case 4:
		m.claim(p, t, id)
		return
	}
	if knows != (err == nil) {
		m.t.Errorf("task %s, held: %v: %v", id, knows, err)
	}
}

// cancel cancels some task, whether it waits, runs or is over.
func (m *model) cancel() {
	ids := slices.Sorted(maps.Keys(m.tasks))
	if len(ids) == 0 {
		return
	}
	t := m.tasks[ids[m.random.IntN(len(ids))]]
	m.wantEnd(t, m.q.Cancel(t.ID, errFailed), !t.over)
	if !t.over {
		t.holder = nil
		m.finish(t, &m.dead)
	}
}

func (m *model) wantEnd(t *modelTask, got *Task, end bool) {
	if end != (got == t.Task) || !end && got != nil {
		m.t.Errorf("task %s: ended %v, want %v", t.ID, got, end)
	}
}

func (m *model) finish(t *modelTask, count *uint64) {
	if !t.over {
		t.over = true
		*count++
	}
	t.holder = nil
}

// claim has a peer say that it runs an attempt of a task, which it may not hold.
func (m *model) claim(p *modelPeer, t *modelTask, id ID) {
	if t == nil {
		return
	}
	attempt := 1 + m.random.IntN(t.failures+t.losses+1)
	over := t.over
	if err := m.q.Extend(p.Peer, id, attempt, m.now); err != nil {
		m.t.Errorf("task %s: %v", id, err)
	}
	if over || p.holds[id] && t.holder != p {
		return
	}
	m.forgive(t, attempt)
	p.holds[id] = true
	if t.holder == nil {
		t.holder, t.resting, t.claimant = p, time.Time{}, nil
	} else if t.holder != p {
		t.claimant, t.claimed = p, attempt
	}
	if t.holder == p {
		m.extendModel(t)
	}
}

// forgive takes back the losses since an attempt that is under way.
func (m *model) forgive(t *modelTask, attempt int) {
	t.losses -= min(t.losses, max(0, t.failures+t.losses+1-attempt))
	t.attempts = t.failures + t.losses + 1
}

func (t *modelTask) mustEnd() bool {
	return t.MaxAttempts > 0 && (t.failures == t.MaxAttempts || t.losses == t.MaxAttempts)
}

// lose takes a task from its holder, and reports whether it is given up.
func (m *model) lose(t *modelTask, begun bool, pause time.Duration) bool {
	t.holder = nil
	if p := t.claimant; p != nil {
		t.holder, t.claimant = p, nil
		m.forgive(t, t.claimed)
		m.extendModel(t)
		return false
	}
	if !begun {
		t.attempts--
		return false
	}
	t.losses++
	t.resting = m.now.Add(pause)
	if t.mustEnd() {
		m.finish(t, &m.dead)
	}
	return t.over
}

// hurry ends the pause of a task, or checks that it has none.
func (m *model) hurry() {
	id := m.someID()
	t := m.tasks[id]
	rests := t != nil && !t.over && t.holder == nil && t.resting.After(m.now)
	if got := m.q.Hurry(id); (got != nil) != rests || rests && got != t.Task {
		m.t.Errorf("task %s, rests: %v: Hurry returned %v", id, rests, got)
	}
	if rests {
		t.resting = time.Time{}
	}
}

func (m *model) leave(p *modelPeer) {
	begun := make(map[ID]bool)
	for id := range p.holds {
		begun[id] = m.tasks[id].holder == p && p.hasBegun(m.tasks[id].Task)
	}
	dead := m.q.Leave(p.Peer, m.now)
	m.peers = slices.DeleteFunc(m.peers, func(o *modelPeer) bool { return o == p })
	n := 0
	for _, t := range m.tasks {
		if t.claimant == p {
			t.claimant = nil
		}
		if t.holder == p && m.lose(t, begun[t.ID], m.q.limits.Backoff.after(t.losses+1)) {
			n++
		}
	}
	if len(dead) != n {
		m.t.Errorf("%d tasks died with a peer, want %d", len(dead), n)
	}
}

func (m *model) pass(d time.Duration) {
	m.now = m.now.Add(d)
	got := make(map[ID]Expired)
	for _, e := range m.q.Expire(m.now) {
		got[e.Task.ID] = e
	}
	for _, t := range m.tasks {
		late := t.holder == nil && !t.over && t.late(m.now)
		if late && got[t.ID].Task != nil && (!got[t.ID].Dead || got[t.ID].Peer != nil || t.Reason != ErrTooLate) {
			m.t.Errorf("task %s is late: %+v, because of %v", t.ID, got[t.ID], t.Reason)
		}
		if late {
			if got[t.ID].Task == nil {
				m.t.Errorf("task %s is late, and was not given up", t.ID)
			}
			m.finish(t, &m.dead)
			continue
		}
		expired := t.holder != nil && t.Lease > 0 && !t.deadline.After(m.now)
		e, ok := got[t.ID]
		if expired != ok {
			m.t.Errorf("task %s: expired %v, want %v", t.ID, ok, expired)
		}
		dead := expired && m.lose(t, t.Task.losses() > t.losses, 0)
		if expired && !dead && t.holder == nil && t.late(m.now) { // it waited for no time at all
			m.finish(t, &m.dead)
			dead = true
		}
		if expired && dead != e.Dead {
			m.t.Errorf("task %s expired after %d attempts, dead: %v", t.ID, t.attempts, e.Dead)
		}
	}
}

// check compares the counts.
func (m *model) check() {
	want := Counts{Done: m.done, Dead: m.dead, Redelivered: m.again}
	unfinished := 0
	for _, t := range m.tasks {
		switch {
		case t.over:
			continue
		case t.holder != nil:
			want.InFlight++
		default:
			want.Queued++
		}
		unfinished++
		if t.attempts != t.Attempts {
			m.t.Errorf("task %s: %d attempts, want %d", t.ID, t.Attempts, t.attempts)
		}
		if !m.q.Has(t.ID) {
			m.t.Errorf("task %s is lost", t.ID)
		}
	}
	if got := m.q.Counts(); got != want || m.q.Len() != unfinished {
		m.t.Errorf("counts %+v of %d tasks, want %+v of %d", got, m.q.Len(), want, unfinished)
	}
	if m.batch.Finished != m.done+m.dead || m.batch.Failed != m.dead {
		m.t.Errorf("the batch counts %+v", m.batch)
	}
}

func (m *model) step() {
	p := func() *modelPeer { return m.peers[m.random.IntN(len(m.peers))] }
	if len(m.peers) == 0 {
		m.join()
		return
	}
	switch n := m.random.IntN(100); {
	case n < 25:
		m.add()
	case n < 50:
		m.hand()
	case n < 52:
		m.hurry()
	case n < 80:
		m.tell(p())
	case n < 84:
		m.credit(p())
	case n < 88:
		m.block(p())
	case n < 90:
		m.leave(p())
	case n < 93:
		if len(m.peers) < 6 {
			m.join()
		}
	case n < 95:
		m.gates.pause()
	case n < 96:
		m.cancel()
	default:
		m.pass(time.Duration(m.random.IntN(4000)) * time.Millisecond)
	}
}

// drain has one good peer do what is left.
func (m *model) drain() {
	for len(m.peers) > 0 {
		m.leave(m.peers[0])
	}
	m.pass(time.Minute)
	m.gates.resume()
	m.join()
	p := m.peers[0]
	p.credit = 3
	m.q.Credit(p.Peer, p.credit)
	for m.q.Len() > 0 {
		if task, _ := m.q.Next(m.now); task != nil {
			if got, err := m.q.Done(p.Peer, task.ID); got != task || err != nil {
				m.t.Fatalf("task %s: %v, %v", task.ID, got, err)
			}
			if m.tasks[task.ID].attempts++; m.tasks[task.ID].attempts > 1 {
				m.again++
			}
			m.finish(m.tasks[task.ID], &m.done)
			continue
		}
		if when, ok := m.q.Wake(); ok && when.After(m.now) {
			m.pass(when.Sub(m.now))
			continue
		}
		m.t.Fatalf("%d tasks are left, and none is handed out", m.q.Len())
	}
	m.batch.Ended = true
	if !m.batch.Complete() || m.q.bytes != 0 {
		m.t.Errorf("at the end the batch is %+v, and %d bytes are counted", m.batch, m.q.bytes)
	}
	m.pass(time.Minute)
	m.q.Next(m.now)
	if _, ok := m.q.Wake(); ok {
		m.t.Error("at the end the clock is set")
	}
}

// Whatever happens, in any order: no task is lost, none is with two peers at
// once, credit, leases and attempts hold, and the counts are right.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range uint64(60) {
		m := newModel(t, seed+i)
		for range 1500 {
			m.step()
			m.check()
			if t.Failed() {
				t.Fatalf("seed %d", seed+i)
			}
		}
		m.drain()
		m.check()
	}
}
