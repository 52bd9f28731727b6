package subscription

import (
	"encoding/binary"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// An entryKind is the kind of an entry in a buffer.
type entryKind uint8

const (
	messageEntry entryKind = iota
	// resumeEntry separates the messages before and after a filter was added.
	// Its body is the number of a resumption.
	resumeEntry
	// peerEntry precedes the messages of a new connection.
	peerEntry
	// tooLargeEntry stands for a message that was skipped. It has the topic, and
	// its body holds the size and the limit.
	tooLargeEntry
	// endedEntry reports that a publisher has ended its connection. Its From is an
	// Ended.
	endedEntry
	// idleEntry reports that no message has come for a while. Its From is an Idle.
	idleEntry
)

// An item is an entry outside of a buffer.
type item struct {
	wire.Publication
	kind entryKind
}

// resumeItem returns the item that stands for a resumption.
func resumeItem(number uint64) *item {
	return &item{kind: resumeEntry, Publication: wire.Publication{Body: binary.BigEndian.AppendUint64(nil, number)}}
}

// resumption returns the number of a resumption.
func (it *item) resumption() uint64 { return binary.BigEndian.Uint64(it.Body) }

// tooLargeItem returns the item that stands for a message of that size.
func tooLargeItem(topic []byte, size uint64, limit int) *item {
	body := binary.BigEndian.AppendUint64(nil, size)
	return &item{kind: tooLargeEntry, Publication: wire.Publication{Topic: topic, Body: binary.BigEndian.AppendUint64(body, uint64(limit))}}
}

// tooLarge returns the error in a tooLargeEntry.
func (it *item) tooLarge() *TooLargeError {
	return &TooLargeError{Topic: string(it.Topic), Size: binary.BigEndian.Uint64(it.Body), Limit: int(binary.BigEndian.Uint64(it.Body[8:]))}
}

// A buffer is a first-in, first-out run of entries in one piece of memory.
type buffer struct {
	data    []byte
	entries []entry
	next    int // index of the first remaining entry
	start   int // the offset of that entry in data
	left    int // remaining items
	size    int // bytes of their frames
}

// An entry has the sizes of one item's frames. A header of -1 is none. A run is
// messages as on the wire (wire.CutRun), of which the entry has the topic's size.
type entry struct {
	topic, body, header int32
	run                 int32 // 0: the entry is one item
	kind                entryKind
	from                any
}

// maxKeptBuffer is the largest buffer, in bytes, that is reused.
const maxKeptBuffer = 2 << 20

// len returns how many items are left.
func (b *buffer) len() int { return b.left }

// bytes returns how many bytes of frames are left.
func (b *buffer) bytes() int { return b.size }

// push copies a message in.
func (b *buffer) push(p *wire.Publication) { b.pushKind(p, messageEntry) }

// pushItem copies an item in.
func (b *buffer) pushItem(it *item) { b.pushKind(&it.Publication, it.kind) }

func (b *buffer) pushKind(p *wire.Publication, kind entryKind) {
	b.data = append(b.data, p.Topic...)
	b.data = append(b.data, p.Body...)
	e := entry{topic: int32(len(p.Topic)), body: int32(len(p.Body)), header: -1, kind: kind, from: p.From}
	if p.Header != nil {
		b.data = append(b.data, p.Header...)
		e.header = int32(len(p.Header))
	}
	b.entries = append(b.entries, e)
	b.left++
	b.size += p.Size()
}

// pushRun copies in a run of so many messages, which have the topic and the
// connection of p.
func (b *buffer) pushRun(p *wire.Publication, run []byte, messages int) {
	b.data = append(b.data, run...)
	b.entries = append(b.entries, entry{topic: int32(len(p.Topic)), run: int32(messages), from: p.From})
	b.left += messages
	b.size += wire.RunSize(run, messages)
}

// pop sets it to the next item, which is valid as long as the caller owns the
// buffer; it returns false when none is left.
func (b *buffer) pop(it *item) bool {
	if b.next == len(b.entries) {
		return false
	}
	e := &b.entries[b.next]
	if e.run > 0 {
		b.popRun(e, it)
		return true
	}
	body := b.start + int(e.topic)
	end := body + int(e.body)
	it.kind, it.From = e.kind, e.from
	it.Topic, it.Body, it.Header = b.data[b.start:body:body], b.data[body:end:end], nil
	if e.header >= 0 {
		it.Header = b.data[end : end+int(e.header) : end+int(e.header)]
		end += int(e.header)
	}
	b.next, b.start = b.next+1, end
	b.left--
	b.size -= it.Size()
	return true
}

// popRun sets it to the next message of a run.
func (b *buffer) popRun(e *entry, it *item) {
	var n int
	it.Topic, it.Body, n = wire.CutRun(b.data[b.start:], int(e.topic))
	it.kind, it.From, it.Header = messageEntry, e.from, nil
	b.start += n
	b.left--
	b.size -= it.Size()
	if e.run--; e.run == 0 {
		b.next++
	}
}

// compact makes the memory of popped entries available for new ones, once it
// exceeds the memory of the remaining entries.
func (b *buffer) compact() {
	if b.start < len(b.data)/2 || b.next < len(b.entries)/2 {
		return
	}
	b.data = b.data[:copy(b.data, b.data[b.start:])]
	b.entries = b.entries[:copy(b.entries, b.entries[b.next:])]
	b.next, b.start = 0, 0
}

// reset empties the buffer. It keeps the memory unless it has grown too large.
func (b *buffer) reset() {
	b.next, b.start, b.left, b.size, b.entries, b.data = 0, 0, 0, 0, b.entries[:0], b.data[:0]
	if cap(b.data) > maxKeptBuffer {
		b.data = nil
	}
}
