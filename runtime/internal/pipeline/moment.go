package pipeline

import "time"

// A moment is a time since a consumer was made, of which each of its tasks has
// several; 0: never.
type moment time.Duration

// now returns the moment that it is.
func (c *Consumer) now() moment { return moment(max(time.Since(c.made), 1)) }

// add returns the moment that is d later.
func (m moment) add(d time.Duration) moment { return m + moment(d) }

// sub returns how much later m is than other.
func (m moment) sub(other moment) time.Duration { return time.Duration(m - other) }
