package socket

import (
	"errors"
	"math"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// oversizedLimit is how many oversized messages one peer may send before it is read
// with pauses. They cost no memory, but skipping them costs reads: without a limit
// one peer could starve the others. The pause is short, because other messages may
// share the connection.
var oversizedLimit = throttle.Limit{Burst: 20, Every: 100 * time.Millisecond, Max: time.Second}

// oversizedUnit is the size of a message that counts as two events. One of three
// times this size counts as four, and so on.
const oversizedUnit = 16 << 20

// oversizedEvents returns how many events a message of that size counts as.
func oversizedEvents(size uint64) int { return int(min(1+size/oversizedUnit, math.MaxInt32)) }

// An OversizedReceiver is a BatchReceiver that is notified of messages that are
// larger than the connection's limit.
type OversizedReceiver interface {
	// TooLarge is called in place of Receive for a message that is skipped. The
	// frames are the ones before the frame that exceeds the limit, and are valid
	// during the call only. The event has already been reported.
	TooLarge(c *link.Conn, frames [][]byte, err *zmtp.SizeError)
}

// A batchReader reads the batches of one connection whose Config has PassOver set.
type batchReader struct {
	conn      *link.Conn
	to        OversizedReceiver // nil: nobody is notified
	oversized throttle.Bucket
	refused   refusals
	reported  uint64 // Malformed events that were counted
	messages  int    // of the last batch
	bytes     int    // of the last batch
}

// newBatchReader returns the batchReader of c, which notifies to if it is an
// OversizedReceiver.
func newBatchReader(c *link.Conn, to any) *batchReader {
	receiver, _ := to.(OversizedReceiver)
	return &batchReader{conn: c, to: receiver}
}

// next is NextBatch, and skips messages that are too large. It pauses after too
// many malformed messages.
func (r *batchReader) next(limit int) (*link.Batch, error) {
	r.pace()
	for {
		batch, err := r.conn.NextBatch(limit)
		if err == nil || !r.passOver(err) {
			r.messages, r.bytes = 0, 0
			if err == nil {
				r.messages, r.bytes = batch.All()
				r.refused.served(r.messages)
			}
			return batch, err
		}
	}
}

// pace pauses after too many malformed messages. It estimates their size as the
// average of the last batch.
func (r *batchReader) pace() {
	n := r.conn.Reported()
	if n == r.reported {
		return
	}
	count, bytes := int(n-r.reported), 0
	if r.messages > 0 {
		bytes = r.bytes / r.messages * min(count, r.messages)
	}
	r.reported = n
	if d := r.refused.take(count, bytes); d > 0 {
		r.conn.PauseReading(d)
	}
}

// passOver reports a message that is too large, and pauses reading after too
// many of them. It returns false for another error.
func (r *batchReader) passOver(err error) bool {
	var size *zmtp.SizeError
	if !errors.As(err, &size) {
		return false
	}
	frames, ok := r.conn.Beginning()
	if !ok {
		return false
	}
	r.conn.Malformed("message passed over: %w", size)
	if r.to != nil {
		r.to.TooLarge(r.conn, frames, size)
	}
	events := 1
	if !size.Kept {
		events = oversizedEvents(size.Size)
	}
	if d := r.oversized.Take(oversizedLimit, time.Now(), events); d > 0 {
		r.conn.PauseReading(d)
	}
	return true
}
