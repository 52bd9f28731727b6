package taskqueue

import (
	"cmp"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// Join adds a peer, without credit.
func (q *Queue) Join() *Peer {
	p := new(Peer)
	q.peers[p] = struct{}{}
	return p
}

// Holds reports whether p was given a task and has not reported its end.
func (q *Queue) Holds(p *Peer, id ID) bool { return q.given(p, id) != nil }

// given returns a task that p was given and has not reported the end of, nil if it
// is none.
func (q *Queue) given(p *Peer, id ID) *Task {
	if t := q.tasks.get(id); t != nil && t.holder == p {
		return t
	}
	return p.late[id]
}

// remember notes that p has not reported the end of t, which it does not have. So
// t is not Over when another peer has done it.
func (p *Peer) remember(t *Task) {
	if p.gone {
		return
	}
	t.history()
	if p.late == nil {
		p.late = make(map[ID]*Task)
	}
	p.late[t.ID] = t
}

// Leave removes a peer. Its tasks go to other peers, before waiting ones; tasks
// that it had begun go after a pause, and as suspects. It returns the tasks that
// were given up because this was their last attempt. The peer must not be used
// afterwards.
func (q *Queue) Leave(p *Peer, now time.Time) (dead []*Task) {
	p.gone = true
	delete(q.peers, p)
	q.findLimit()
	p.turn.Remove()
	q.spare(p)
	for _, t := range p.late {
		p.disclaim(t)
	}
	var back []*Task
	begun := make(map[*Task]bool)
	for _, g := range p.order {
		if g.task.holder == p && g.task.hand == g.hand {
			back = append(back, g.task)
		}
	}
	for _, t := range back {
		begun[t] = p.hasBegun(t)
	}
	// In the end the oldest is the first.
	slices.SortFunc(back, func(a, b *Task) int { return -cmp.Compare(a.added, b.added) })
	for _, t := range back {
		if q.lose(t, begun[t], ErrLost, now) {
			dead = append(dead, t)
		}
	}
	p.late, p.order = nil, nil
	return dead
}

// Credit sets how many tasks p is willing to hold at once; 0 stops it. It has no
// effect after Stop.
func (q *Queue) Credit(p *Peer, n int) {
	if p.stopped {
		return
	}
	p.credit = n
	if n > 0 && !p.granted {
		p.granted = true
		q.findLimit()
	}
	q.enlist(p)
}

// Stop ends handing tasks to p, whatever its credit is. p may finish the tasks that
// it has.
func (q *Queue) Stop(p *Peer) {
	p.stopped, p.credit = true, 0
	q.enlist(p)
}

// Block sets whether nothing can be sent to p at the moment.
func (q *Queue) Block(p *Peer, blocked bool) {
	p.blocked = blocked
	q.enlist(p)
}

// enlist puts p at the end of the list where it belongs.
func (q *Queue) enlist(p *Peer) {
	var among *list.List[*Peer]
	if p == q.kept && (p.gone || p.blocked || p.credit == 0) {
		q.kept = nil
	}
	switch {
	case p.gone || p.blocked || p.alone != nil || p.Holds() >= p.credit:
	case p == q.kept && p.Holds() > 0:
	case p.Holds() == 0:
		among = &q.idle
	default:
		among = &q.busy
	}
	p.turn.Remove()
	if among != nil {
		among.PushBack(&p.turn, p)
	}
}

// spare ends that p is kept for a suspect.
func (q *Queue) spare(p *Peer) {
	if q.kept == p {
		q.kept = nil
	}
}
