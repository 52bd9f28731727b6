package link

import "sync"

// A Batch is a run of whole messages that were read together. They stay where
// they were read, so the batch owns that memory until Release.
type Batch struct {
	buf    *buffer
	frames [][]byte
	ends   []int // where each message's frames end
}

var batches = sync.Pool{New: func() any { return new(Batch) }}

// Len returns the number of messages.
func (b *Batch) Len() int { return len(b.ends) }

// Message returns the frames of message i. They are valid until Release.
func (b *Batch) Message(i int) [][]byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.frames[start:b.ends[i]]
}

// Release gives the batch's memory back. Nothing of it may be used any more.
func (b *Batch) Release() {
	b.buf.free()
	clear(b.frames)
	b.buf, b.frames, b.ends = nil, b.frames[:0], b.ends[:0]
	batches.Put(b)
}

// NextBatch is Next for all messages that have been read, at most limit. The
// caller owns the batch.
func (c *Conn) NextBatch(limit int) (*Batch, error) {
	rd := &c.reader
	for {
		frames, err := c.parse()
		if frames != nil {
			return c.collect(frames, limit), nil
		}
		if rd.pause(err); err != nil {
			return nil, err
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// collect makes a batch of a message and those behind it. An error there comes
// back at the next call.
func (c *Conn) collect(frames [][]byte, limit int) *Batch {
	b := batches.Get().(*Batch)
	for frames != nil {
		b.frames = append(b.frames, frames...)
		b.ends = append(b.ends, len(b.frames))
		if len(b.ends) == limit {
			break
		}
		frames, _ = c.parse()
	}
	b.buf = c.reader.detach()
	return b
}

// detach gives the buffer away and takes what is not yet parsed along to a new
// one.
func (rd *reader) detach() *buffer {
	rd.skip()
	rd.learn()
	old := rd.buf
	if rd.r < rd.w {
		rd.buf = newBuffer(max(rd.w-rd.r, rd.hint))
		rd.w = copy(rd.buf.b, old.b[rd.r:rd.w])
	} else {
		rd.buf, rd.w = nil, 0
	}
	rd.r = 0
	return old
}
