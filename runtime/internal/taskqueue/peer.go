package taskqueue

import (
	"cmp"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// Join adds a peer, without credit.
func (q *Queue) Join() *Peer { return &Peer{holds: make(map[ID]*Task)} }

// Leave removes a peer. The tasks that it held go to others, before those that
// wait. It returns the tasks that were given up because that was their last
// attempt. The peer must not be used afterwards.
func (q *Queue) Leave(p *Peer) (dead []*Task) {
	p.gone = true
	p.turn.Remove()
	var back []*Task
	for _, t := range p.holds {
		if t.state == held && t.holder == p {
			back = append(back, t)
		}
	}
	// In the end the oldest is the first.
	slices.SortFunc(back, func(a, b *Task) int { return -cmp.Compare(a.ID, b.ID) })
	for _, t := range back {
		if q.retry(t, ErrLost) {
			dead = append(dead, t)
		}
	}
	clear(p.holds)
	return dead
}

// Credit sets how many tasks p is willing to hold at once; 0 stops it.
func (q *Queue) Credit(p *Peer, n int) {
	p.credit = n
	p.granted = p.granted || n > 0
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
	switch {
	case p.gone || p.blocked || len(p.holds) >= p.credit:
	case len(p.holds) == 0:
		among = &q.idle
	default:
		among = &q.busy
	}
	p.turn.Remove()
	if among != nil {
		among.PushBack(&p.turn, p)
	}
}
