package link

import (
	"fmt"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
)

// MaySubscribe asks the configuration whether the peer may subscribe to a
// topic. When it may not the observer is told why.
func (c *Conn) MaySubscribe(topic []byte) bool {
	if c.cfg.Subscribe == nil {
		return true
	}
	err := c.askSubscribe(topic)
	if err != nil {
		c.ReportTopic(SubscriptionRefused, topic, err)
	}
	return err == nil
}

// ReportTopic is Report for an event about a topic, which is copied only where
// someone observes: a peer may cause any number of them.
func (c *Conn) ReportTopic(kind EventKind, topic []byte, err error) {
	e := Event{Kind: kind, Err: err}
	if c.cfg.Observe != nil {
		e.Topic = string(topic)
	}
	c.ReportEvent(e)
}

func (c *Conn) askSubscribe(topic []byte) (err error) {
	guarded.Call(func() { err = c.cfg.Subscribe(c, topic) }, func(e *guarded.PanicError) {
		if e != nil {
			err = fmt.Errorf("the subscription rule panicked: %v", e.Value)
		}
	})
	return err
}
