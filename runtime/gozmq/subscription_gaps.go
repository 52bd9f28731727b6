package gozmq

import (
	"container/list"
	"time"
)

// A tracker follows the numbered messages that one iterator gets: it finds out
// which were missed, which came already, and how late they are. It is used by
// one goroutine.
type tracker struct {
	limits  topicMemory
	lag     lagLimits
	origins *origins

	topics     map[trackedTopic]*tracked
	recent     list.List // of *tracked; in front the one that came last
	bytes      int
	publishers map[uint64]bool // heard here, and not known to be gone
	late       bool            // a LagError was reported and no message has been in time since
	ended      bool            // by a LagError
}

// A trackedTopic is a topic of one publisher.
type trackedTopic struct {
	publisher uint64
	topic     string
}

// tracked is what the last message of a topic said.
type tracked struct {
	trackedTopic
	position, sequence uint64
	at                 *list.Element // in recent
}

func (t *tracked) size() int { return trackedOverhead + len(t.topic) }

// trackedOverhead is what a topic takes beside its bytes, about.
const trackedOverhead = 256

func newTracker(limits topicMemory, lag lagLimits, o *origins) *tracker {
	return &tracker{limits: limits, lag: lag, origins: o}
}

// check takes note of a message. fresh is false for one that came before; errs
// is what to tell before it is passed on. A message without a header that says
// where it stands is always fresh.
func (t *tracker) check(a *arrival) (fresh bool, errs []error) {
	var h publicationHeader
	if a.header == nil || !h.parse(a.header) || !h.numbered() {
		return true, nil
	}
	last := t.topics[trackedTopic{h.publisher, string(a.topic)}]
	if last == nil {
		errs = t.begin(a.topic, &h)
	} else {
		if h.position <= last.position {
			return false, nil
		}
		if h.sequence > last.sequence+1 && last.sequence > 0 {
			gap := &GapError{Topic: string(a.topic), Lost: h.sequence - last.sequence - 1}
			errs = append(errs, Errorf(CodeDataLoss, "%w", gap))
		}
		last.position, last.sequence = h.position, h.sequence
		t.recent.MoveToFront(last.at)
	}
	if err := t.checkLag(a.topic, &h); err != nil {
		errs = append(errs, err)
	}
	return true, errs
}

// begin takes note of the first message of a topic. It returns what is to be
// told of a publisher that was not heard before.
func (t *tracker) begin(topic []byte, h *publicationHeader) (errs []error) {
	if t.topics == nil {
		t.topics, t.publishers = make(map[trackedTopic]*tracked), make(map[uint64]bool)
	}
	name := string(topic)
	for old := range t.publishers {
		if old == h.publisher || h.sequence == 0 {
			continue
		}
		_, same := t.topics[trackedTopic{old, name}]
		if t.origins.succeeded(old, h.publisher, same) {
			delete(t.publishers, old)
			restarted := &PublisherRestartedError{Topic: name, Old: old, New: h.publisher}
			errs = append(errs, Errorf(CodeDataLoss, "%w", restarted))
		}
	}
	if len(t.publishers) < maxOrigins {
		t.publishers[h.publisher] = true
	}
	n := &tracked{trackedTopic: trackedTopic{h.publisher, name}, position: h.position, sequence: h.sequence}
	n.at = t.recent.PushFront(n)
	t.topics[n.trackedTopic] = n
	t.bytes += n.size()
	for len(t.topics) > 1 && (len(t.topics) > t.limits.topics || t.bytes > t.limits.bytes) {
		t.forget(t.recent.Back().Value.(*tracked))
	}
	return errs
}

// forgetTopics has the topics for which gone returns true begin anew.
func (t *tracker) forgetTopics(gone func(topic string) bool) {
	for _, n := range t.topics {
		if gone(n.topic) {
			t.forget(n)
		}
	}
}

func (t *tracker) forget(n *tracked) {
	t.recent.Remove(n.at)
	delete(t.topics, n.trackedTopic)
	t.bytes -= n.size()
}

// checkLag returns what is to be told of a message's age; it may end the
// stream.
func (t *tracker) checkLag(topic []byte, h *publicationHeader) error {
	if t.lag == (lagLimits{}) || h.timeUs == 0 || h.replayed != 0 {
		return nil
	}
	age := time.Since(h.time())
	tell := func(limit time.Duration) error {
		return Errorf(CodeResourceExhausted, "%w", &LagError{Topic: string(topic), Lag: age, Limit: limit, Ended: t.ended})
	}
	switch {
	case t.lag.end > 0 && age > t.lag.end:
		t.ended = true
		return tell(t.lag.end)
	case t.lag.report > 0 && age > t.lag.report:
		if !t.late {
			t.late = true
			return tell(t.lag.report)
		}
	default:
		t.late = false
	}
	return nil
}
