package notify

// A Broadcast wakes all goroutines that wait for a change. The zero value is
// ready. It has no lock: the caller's lock guards both methods and the state that
// the waiters check, so that no change is missed. A Broadcast must not be copied
// after first use.
type Broadcast struct {
	changed chan struct{} // nil while nobody waits
}

// Changed returns a channel that the next Notify closes.
func (b *Broadcast) Changed() <-chan struct{} {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// Notify wakes everyone who holds the channel of Changed. It allocates nothing,
// and costs a comparison while nobody waits.
func (b *Broadcast) Notify() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
