package gozmq

import (
	"fmt"
	"time"
)

// An IdleError in a stream says that nothing has come for as long as WithIdleError
// allows. The stream goes on. Find it with errors.As; its code is
// CodeUnavailable.
type IdleError struct {
	// Since is when the stream last had a message, or when it began.
	Since time.Time
	// Publishers is how many are connected: 0 says that the subscriber has lost
	// them, or has not found any yet (Subscriber.Connected).
	Publishers int
}

// Error returns the time and the number of publishers.
func (e *IdleError) Error() string {
	return fmt.Sprintf("no publication for %v, with %d publishers connected", time.Since(e.Since).Round(time.Millisecond), e.Publishers)
}

// WithIdleError makes a stream yield an IdleError when no publication has come for
// d, and again after each further d, so that its loop can see that it is out of
// date. Handlers get it in WithTopicErrorHandler. Default: 0, which is never.
func WithIdleError(d time.Duration) SubscriptionOption {
	return subscriptionOption(func(c *subscriptionConfig) { c.idle = d })
}
