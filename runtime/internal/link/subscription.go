package link

import "fmt"

// MaySubscribe asks the configuration whether the peer may subscribe to a
// topic. When it may not the observer is told why.
func (c *Conn) MaySubscribe(topic []byte) bool {
	if c.cfg.Subscribe == nil {
		return true
	}
	err := c.askSubscribe(topic)
	if err != nil {
		c.ReportEvent(Event{Kind: SubscriptionRefused, Topic: string(topic), Err: err})
	}
	return err == nil
}

func (c *Conn) askSubscribe(topic []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the subscription rule panicked: %v", v)
		}
	}()
	return c.cfg.Subscribe(c, topic)
}
