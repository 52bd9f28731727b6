package call

import "sync/atomic"

// counts count the further attempts of a Client's calls.
type counts struct{ retried, hedged, moved atomic.Uint64 }

// Counts are the counts of a Client.
type Counts struct {
	Retried uint64 // attempts after a failed one
	Hedged  uint64 // further attempts because of a Hedging
	Moved   uint64 // attempts on another server, because the first one had gone or was stopping
}

// Counts returns the counts so far.
func (c *Client) Counts() Counts {
	return Counts{c.counts.retried.Load(), c.counts.hedged.Load(), c.counts.moved.Load()}
}

// Hedged counts a further attempt of a call.
func (c *Client) Hedged() { c.counts.hedged.Add(1) }
