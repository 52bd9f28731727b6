package socket

// A slot is a call's place at a peer. Its index and its count of uses make the
// call's id.
type slot struct {
	w      *waiter
	stream *DealerStream // uses the slot instead of a waiter
	use    uint32
}

// acquireSlot gives w a slot and returns the call's id.
func (p *dealerPeer) acquireSlot(w *waiter) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, err := p.takeSlot()
	if err != nil {
		return 0, err
	}
	s := &p.slots[i]
	s.w = w
	w.slot, w.pending = i, true
	return s.id(int(i)), nil
}

// takeSlot returns the index of a free slot, for a new use; p.mu is held.
func (p *dealerPeer) takeSlot() (i uint32, err error) {
	if p.err != nil {
		return 0, &LostError{p.err}
	}
	if n := len(p.free); n > 0 {
		i = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		i = uint32(len(p.slots))
		p.slots = append(p.slots, slot{})
	}
	p.slots[i].use++
	return i, nil
}

// id returns the id of the call that has the slot at index i.
func (s slot) id(i int) uint64 { return uint64(s.use)<<32 | uint64(i) }

// releaseSlot frees w's slot; p.mu is held.
func (p *dealerPeer) releaseSlot(w *waiter) {
	p.slots[w.slot].w = nil
	p.free = append(p.free, w.slot)
	w.pending = false
	w.parked.Remove()
}
