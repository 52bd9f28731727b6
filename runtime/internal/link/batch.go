package link

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Batch is a run of whole messages that were read together. They stay in their
// read buffer, which the batch owns until Release. It keeps the frames' offsets,
// and makes slices only on demand: memory without pointers costs the garbage
// collector nothing.
type Batch struct {
	buf   *buffer
	spans []zmtp.Span
	ends  []int    // where each message's spans end
	runs  []run    // behind each message, with Config.Runs
	all   [][]byte // the frames of all messages; empty: Expand was not called
	one   [][]byte // the frames that Message returned last
}

// A run is so many messages as on the wire.
type run struct {
	zmtp.Span
	messages int
}

// maxRun is how many messages a run has at most, so that whoever takes them in one
// go does not take long.
const maxRun = 64

var batches = sync.Pool{New: func() any { return new(Batch) }}

// Len returns the number of messages, without those of runs.
func (b *Batch) Len() int { return len(b.ends) }

// All returns the number of all messages, and their bytes on the wire, without the
// first header.
func (b *Batch) All() (messages, size int) {
	messages = len(b.ends)
	if messages == 0 {
		return 0, 0
	}
	end := b.spans[len(b.spans)-1].End
	for _, r := range b.runs {
		messages += r.messages
		end = max(end, r.End)
	}
	return messages, end - b.spans[0].Start
}

// Run returns the run behind message i, as on the wire, and how many messages it
// has: messages of two short frames, the first of which equals the first one of
// message i. The bytes are valid until Release.
func (b *Batch) Run(i int) (wire []byte, messages int) {
	if i >= len(b.runs) {
		return nil, 0
	}
	r := b.runs[i]
	return b.buf.b[r.Start:r.End], r.messages
}

// Message returns the frames of message i. Their bytes are valid until Release. The
// slice that lists them is valid until the next call, or after Expand until
// Release.
func (b *Batch) Message(i int) [][]byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	if len(b.all) > 0 {
		return b.all[start:b.ends[i]]
	}
	b.one = b.appendFrames(b.one[:0], b.spans[start:b.ends[i]])
	return b.one
}

// Expand makes the slices that Message returns valid until Release.
func (b *Batch) Expand() { b.all = b.appendFrames(b.all, b.spans) }

func (b *Batch) appendFrames(list [][]byte, spans []zmtp.Span) [][]byte {
	for _, s := range spans {
		list = append(list, b.buf.b[s.Start:s.End:s.End])
	}
	return list
}

// maxKeptOne is how many frames of one message a pooled batch keeps room for.
const maxKeptOne = 16

// Release returns the batch's memory to the pool. The batch, its messages and their
// frames must not be used afterwards.
func (b *Batch) Release() {
	b.buf.free()
	clear(b.all)
	if cap(b.one) > maxKeptOne {
		b.one = nil
	}
	clear(b.one[:cap(b.one)])
	*b = Batch{spans: b.spans[:0], ends: b.ends[:0], runs: b.runs[:0], all: b.all[:0], one: b.one[:0]}
	batches.Put(b)
}

// NextBatch is Next for all messages that have been read, up to limit. The caller
// owns the batch. When the error is about a message that is too large, Beginning
// returns its first frames.
func (c *Conn) NextBatch(limit int) (*Batch, error) {
	rd := &c.reader
	if err := rd.tooLarge; err != nil {
		rd.tooLarge = nil
		return nil, err
	}
	for {
		found, err := c.parse()
		if found {
			return c.collect(limit), nil
		}
		if c.pauseReader(err); err != nil {
			return nil, err
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// Beginning returns, after NextBatch has returned a *zmtp.SizeError, the frames
// before the one that exceeds the limit. They are valid until the next call of
// NextBatch, which skips the message. It returns false when the error is final.
func (c *Conn) Beginning() (frames [][]byte, ok bool) {
	rd := &c.reader
	if !rd.handedOut {
		return nil, false
	}
	return rd.beginning(), true
}

// collect makes a batch of the scanner's message and the ones after it. The next
// call of NextBatch returns an error that comes after them.
func (c *Conn) collect(limit int) *Batch {
	rd := &c.reader
	b := batches.Get().(*Batch)
	for found := true; found; {
		b.spans = rd.scanner.AppendSpans(b.spans, rd.r)
		b.ends = append(b.ends, len(b.spans))
		if c.cfg.Runs {
			limit -= c.collectRun(b, limit-len(b.ends))
		}
		if len(b.ends) >= limit {
			break
		}
		if found, rd.tooLarge = c.parse(); !rd.handedOut {
			rd.tooLarge = nil // parse returns any other error again
		}
	}
	if rd.tooLarge == nil {
		rd.skip()
	}
	b.buf = rd.detach()
	return b
}

// collectRun adds the run behind the scanner's message to b, and returns how many
// messages it has, at most limit. Finding their frames one by one would cost more
// than all the rest.
func (c *Conn) collectRun(b *Batch, limit int) int {
	rd := &c.reader
	first := b.lastFirst(rd.buf.b)
	if c.cfg.MaxMessageSize < zmtp.MaxShort {
		first = nil // their frames might be too large
	}
	rd.skip()
	r := run{Span: zmtp.Span{Start: rd.r, End: rd.r}}
	for limit = min(limit, maxRun); first != nil && r.messages < limit; r.messages++ {
		n := zmtp.Alike(rd.buf.b[r.End:rd.w], first)
		if n == 0 {
			break
		}
		r.End += n
	}
	rd.r = r.End
	b.runs = append(b.runs, r)
	rd.count.messages += uint64(r.messages)
	return r.messages
}

// lastFirst returns the first of the last message's two frames in the buffer, as on
// the wire, if it is short; otherwise nil.
func (b *Batch) lastFirst(buf []byte) []byte {
	start, n := 0, len(b.ends)
	if n > 1 {
		start = b.ends[n-2]
	}
	if len(b.spans)-start != 2 {
		return nil
	}
	return zmtp.ShortFrame(buf, b.spans[start])
}
