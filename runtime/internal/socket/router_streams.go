package socket

import (
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/throttle"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// maxRecent is how many ended streams of a connection are remembered.
const maxRecent = 64

// maxRecentKey is the longest envelope that is remembered of an ended stream.
const maxRecentKey = 256

// routerStreams are the open streams of one connection, by their envelopes. The
// zero value is ready.
type routerStreams struct {
	mu     sync.Mutex
	open   map[string]*RouterStream
	recent []string // the last ones to end, in a ring
	next   int      // of recent
}

// add adds a stream; it returns false when there is one with the same envelope.
func (r *routerStreams) add(s *RouterStream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.open[s.key]; ok {
		return false
	}
	if r.open == nil {
		r.open = make(map[string]*RouterStream)
	}
	r.open[s.key] = s
	return true
}

func (r *routerStreams) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, key)
	if len(key) > maxRecentKey {
		return
	}
	if len(r.recent) < maxRecent {
		r.recent = append(r.recent, key)
		return
	}
	r.recent[r.next] = key
	r.next = (r.next + 1) % maxRecent
}

// find returns the stream with that envelope, as on the wire; nil if none is open.
func (r *routerStreams) find(envelope []byte) *RouterStream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[string(envelope)]
}

// endedLately reports whether the stream with that envelope was among the last to
// end.
func (r *routerStreams) endedLately(envelope []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.recent, string(envelope))
}

// Stream returns the open stream with that envelope, nil if there is none. ended
// says that it ended recently. The reader calls it.
func (p *RouterPeer) Stream(e wire.Envelope) (s *RouterStream, ended bool) {
	p.envelope = e.Append(p.envelope[:0])
	if s = p.streams.find(p.envelope); s == nil {
		ended = p.streams.endedLately(p.envelope)
	}
	p.last = s
	if cap(p.envelope) > maxKeptEnvelope {
		p.envelope = nil
	}
	return s, ended
}

// maxKeptEnvelope is the largest envelope whose memory is reused.
const maxKeptEnvelope = 4 << 10

// canceled records a stream that was given up before it was begun.
func (r *routerStreams) canceled(frames [][]byte) {
	if e, _, ok := wire.SplitEnvelope(frames); ok {
		r.remove(string(e.Append(nil)))
	}
}

// cancelLimit is how many streams a peer may give up before it is read with pauses.
// Each costs a goroutine.
var cancelLimit = throttle.Limit{Burst: 1000, Every: 500 * time.Microsecond, Max: time.Second}

// Canceled counts a stream that the client has given up, and pauses after too
// many of them. The reader calls it.
func (p *RouterPeer) Canceled() {
	if d := p.canceled.Take(cancelLimit, time.Now(), 1); d >= shortestPause {
		p.uncork()
		p.PauseReading(d)
	}
}

// unreadFree is how many bytes of messages beyond their windows the streams of a
// peer may leave unread before it is read with pauses.
const unreadFree = 16 << 20

// unreadLimit limits the rate of further such messages, in units of refusalUnit
// bytes. Keeping a large message costs several times as much as reading it.
var unreadLimit = throttle.Limit{Burst: 64, Every: time.Millisecond, Max: time.Second}

// paceUnread counts a message that its stream has not received, and pauses after
// too many of them. The reader calls it.
func (p *RouterPeer) paceUnread(size int) {
	if size < refusalUnit || p.unread.Used() < unreadFree {
		return
	}
	if d := p.unreadBytes.Take(unreadLimit, time.Now(), size/refusalUnit); d >= shortestPause {
		p.uncork()
		p.PauseReading(d)
	}
}

// maxLate is how many messages ended streams may still get.
const maxLate = 128 << 10

// allowLate allows n messages in flight to an ending stream.
func (p *RouterPeer) allowLate(n int64) {
	if p.late.Load() < maxLate {
		p.late.Add(n)
	}
}

// Late counts a message for a stream that has ended. It returns false when the
// client had no credit for it. The reader calls it.
func (p *RouterPeer) Late() bool {
	if p.late.Load() <= 0 {
		return false
	}
	p.late.Add(-1)
	return true
}
