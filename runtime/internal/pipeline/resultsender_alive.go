package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A lastAlive is the last ALIVE of a ventilator, and when it came.
type lastAlive struct {
	wire.VentilatorState
	came time.Time
}

const (
	// maxKept is of how many ventilators the last ALIVE is kept; the oldest is
	// forgotten.
	maxKept = 64
	// endedShare is the part of a lease that a sink gets when nothing is left of
	// it: less than the lease, by which it knows that the ALIVE is not new.
	endedShare = 60
)

// PassOn passes a ventilator's ALIVE to every sink that knows the command and has
// room. Other sinks get it once they are connected, or have room, with the
// remaining lease, or with a small part of the lease if none remains. So a sink
// with a result of a batch knows how long to wait for the next ALIVE, even if none
// comes.
func (s *ResultSender) PassOn(m wire.Alive) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(m)
	for _, peer := range s.peers {
		s.say(peer, m)
	}
}

// remember keeps an ALIVE whose lease ends, for sinks to come; s.mu is held.
func (s *ResultSender) remember(m wire.Alive) {
	state, err := m.State()
	if err != nil || state.Lease == 0 || len(state.Ventilator) == 0 {
		return
	}
	name := string(state.Ventilator)
	if _, known := s.alive[name]; !known && len(s.alive) >= maxKept {
		s.forgetOldest()
	}
	s.alive[name] = lastAlive{state, time.Now()}
}

// forgetOldest forgets the ventilator that was silent for longest; s.mu is held.
func (s *ResultSender) forgetOldest() {
	var oldest string
	for name, last := range s.alive {
		if oldest == "" || last.came.Before(s.alive[oldest].came) {
			oldest = name
		}
	}
	delete(s.alive, oldest)
}

// repeatAlive sends a sink the ALIVE of every ventilator that it may have missed;
// s.mu is held.
func (s *ResultSender) repeatAlive(peer *sinkPeer) {
	peer.behind = false
	for _, last := range s.alive {
		state := last.VentilatorState
		state.Lease = max(last.Lease-time.Since(last.came), last.Lease/endedShare)
		s.say(peer, state.Encode())
	}
}

func (s *ResultSender) say(peer *sinkPeer, m wire.Alive) {
	if peer.Gozmq() && socket.SendTo(peer.Conn, m) != nil {
		peer.behind = true // sent when it has room
	}
}
