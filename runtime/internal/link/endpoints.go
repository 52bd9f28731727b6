package link

// An EndpointState is an endpoint of a group and its state.
type EndpointState struct {
	Endpoint string
	Dialed   bool // false: bound
	Peers    int  // connected ones

	Mechanism string
}

// Endpoints returns the endpoints that are bound and those that are dialed; none of
// them after Shutdown.
func (g *Group) Endpoints() []EndpointState {
	dialed, _ := g.Dialed()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	peers := make(map[string]int)
	for c := range g.conns {
		peers[c.endpoint]++
	}
	list := make([]EndpointState, 0, len(g.listeners)+len(dialed))
	for _, ln := range g.listeners {
		ep := ln.Endpoint().String()
		list = append(list, EndpointState{Endpoint: ep, Peers: peers[ep], Mechanism: g.mechanisms[ep]})
	}
	seen := make(map[string]bool)
	for _, ep := range dialed {
		if !seen[ep] { // a host is listed once for each address
			seen[ep] = true
			list = append(list, EndpointState{Endpoint: ep, Dialed: true, Peers: peers[ep], Mechanism: g.mechanisms[ep]})
		}
	}
	return list
}

// SendQueue returns the high-water marks of a peer's queue.
func (g *Group) SendQueue() (messages, bytes int) { return g.cfg.SendQueue, g.cfg.SendQueueBytes }
