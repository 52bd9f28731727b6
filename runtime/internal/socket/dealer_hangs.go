package socket

import (
	"sync/atomic"
	"time"
)

// How long a peer that seems to hang is avoided. The time doubles with each
// request that tries it in vain.
const (
	hangFirst = time.Second
	hangLimit = 30 * time.Second
)

// A hangs tracks whether a peer seems to hang: a request to it has timed out, and
// the peer has answered none since that request was sent. Such a peer is avoided
// until it answers, except for one request after each pause. A peer that is only
// slow, and answers others, is not avoided. The zero value is a peer that answers.
// Its methods may be called from any goroutine.
type hangs struct {
	replies atomic.Uint64
	retry   atomic.Int64 // when to try the peer again, in Unix nanoseconds; 0: it does not hang
	pause   atomic.Int64 // the last pause
}

// answered returns how often the peer has answered.
func (h *hangs) answered() uint64 { return h.replies.Load() }

// reply records that the peer has answered a request, even if nobody waits for it.
func (h *hangs) reply() {
	h.replies.Add(1)
	if h.retry.Load() != 0 {
		h.retry.Store(0)
		h.pause.Store(0)
	}
}

// timedOut records the timeout of a request that was sent after that many replies.
func (h *hangs) timedOut(answered uint64) {
	if h.replies.Load() == answered && h.retry.Load() == 0 {
		h.avoid(hangFirst)
	}
}

// avoided reports whether another peer should get the next request.
func (h *hangs) avoided() bool {
	retry := h.retry.Load()
	return retry != 0 && time.Now().UnixNano() < retry
}

// chosen records that the peer gets a request. If the peer seems to hang, it gets
// no other for a while.
func (h *hangs) chosen() {
	if h.retry.Load() != 0 && !h.avoided() {
		h.avoid(min(2*time.Duration(h.pause.Load()), hangLimit))
	}
}

func (h *hangs) avoid(pause time.Duration) {
	h.pause.Store(int64(pause))
	h.retry.Store(time.Now().Add(pause).UnixNano())
}
