package socket

import "sync/atomic"

// dealerCounts count requests that wait for a peer or move to another one.
type dealerCounts struct {
	waiting atomic.Int64  // requests that wait for a peer
	moved   atomic.Uint64 // requests that went to another peer, because theirs had gone or was stopping
}

// DealerCounts are the counts of a Dealer.
type DealerCounts struct {
	Running int    // requests and streams that a peer has
	Waiting int    // requests and streams that wait for a peer
	Moved   uint64 // how often one went to another peer, because its own had gone or was stopping
}

// Counts returns the counts so far.
func (d *Dealer) Counts() DealerCounts {
	n := DealerCounts{Waiting: int(d.counts.waiting.Load()), Moved: d.counts.moved.Load()}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.peers {
		n.Running += int(p.inflight.Load())
	}
	return n
}
