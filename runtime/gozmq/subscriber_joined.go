package gozmq

// watchPeers has an empty arrival come to sub with each new connection, before
// anything that comes over it. It reports whether there is a connection already.
func (s *Subscriber) watchPeers(sub *subscription) bool {
	s.mu.Lock()
	sub.watches = true
	s.mu.Unlock()
	return s.sub.Peers() > 0
}

// peerJoined is called for each new connection, after the subscriptions were
// sent.
func (s *Subscriber) peerJoined() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subscriptions {
		if sub.watches {
			sub.inbox.putAnyway(new(arrival))
		}
	}
}

// putAnyway has an arrival wait that is no message, whether there is room or not.
func (b *inbox) putAnyway(a *arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.in.push(a)
	b.total++
	b.signal()
}

// isPeer reports whether a is what peerJoined made. No pattern of generated code
// takes the empty topic.
func (a *arrival) isPeer() bool { return len(a.topic)+len(a.body) == 0 && a.header == nil }
