package socket

import "github.com/gozmq/gozmq/runtime/internal/notify"

// batchesAhead is how many batches of small messages are read ahead at most, so
// that neither the receiver nor the reader waits for the other after each of them.
const batchesAhead = 4

// memoryAhead is the memory of so many batches. Two are read ahead whatever their
// size.
const memoryAhead = batchesAhead * 64 << 10

// A pullPeer is one connection and the messages that were read from it and not yet
// received. The socket's lock guards it.
type pullPeer struct {
	batches []*pulledBatch // the first one is being received
	waiting int            // messages of them that were not received
	memory  int            // that they hold
	waits   bool           // the reader, for room
	room    notify.Token   // set when the reader waits and there is room
	pace    pullPace
}

func newPullPeer(window int) *pullPeer {
	return &pullPeer{room: notify.NewToken(), pace: pullPace{window: window}}
}

// crowded reports whether no further batch is to be read: with another window there
// would be more than two.
func (p *pullPeer) crowded() bool {
	return p.waiting > p.pace.window || len(p.batches) > 1 && p.memory >= memoryAhead
}

// roomy reports whether a reader that waits is to read again. It is to have several
// batches to read then, since waking it costs as much as reading one.
func (p *pullPeer) roomy() bool {
	return 2*p.waiting <= p.pace.window && (len(p.batches) < 2 || 2*p.memory <= memoryAhead)
}

// push adds a batch.
func (p *pullPeer) push(b *pulledBatch) {
	p.batches = append(p.batches, b)
	p.waiting += b.Len()
	p.memory += b.Memory()
	if len(p.batches) == 1 {
		p.pace.begin(b.Len(), b.full)
	}
}

// received notes that the next message of the first batch has been received.
func (p *pullPeer) received(b *pulledBatch) {
	b.next++
	p.waiting--
	if b.next == b.Len() {
		p.pop()
	}
	if p.waits && p.roomy() {
		p.waits = false
		p.room.Set()
	}
}

// pop removes the first batch.
func (p *pullPeer) pop() {
	p.pace.end()
	p.memory -= p.batches[0].Memory()
	n := copy(p.batches, p.batches[1:])
	p.batches[n] = nil
	if p.batches = p.batches[:n]; n > 0 {
		p.pace.begin(p.batches[0].Len(), p.batches[0].full)
	}
}

// forget removes all batches.
func (p *pullPeer) forget() {
	p.batches, p.waiting, p.memory = nil, 0, 0
	if p.waits {
		p.waits = false
		p.room.Set()
	}
}
