package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A lastWord is the last ALIVE of a ventilator, and when it came.
type lastWord struct {
	wire.VentilatorState
	came time.Time
}

// maxWords is how many ventilators' words are kept.
const maxWords = 64

// PassOn sends every sink that knows the word, and has room, that a ventilator is
// there. Other sinks get it once they are connected, or have room, with what is
// then left of its lease: a sink that has a result of a batch so knows for how long
// to wait for the next word, even if none comes.
func (s *ResultSender) PassOn(m wire.Alive) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepWord(m)
	for _, peer := range s.peers {
		s.say(peer, m)
	}
}

// keepWord keeps a word that ends, for sinks to come; s.mu is held.
func (s *ResultSender) keepWord(m wire.Alive) {
	state, err := m.State()
	if err != nil || state.Lease == 0 || len(state.Ventilator) == 0 {
		return
	}
	now := time.Now()
	for name, word := range s.words {
		if now.Sub(word.came) >= word.Lease {
			delete(s.words, name)
		}
	}
	name := string(state.Ventilator)
	if _, known := s.words[name]; known || len(s.words) < maxWords {
		s.words[name] = lastWord{state, now}
	}
}

// repeatWords tells a sink of every ventilator that it may miss; s.mu is held.
func (s *ResultSender) repeatWords(peer *sinkPeer) {
	peer.deaf = false
	for _, word := range s.words {
		state := word.VentilatorState
		if state.Lease -= time.Since(word.came); state.Lease >= time.Microsecond {
			s.say(peer, state.Encode())
		}
	}
}

func (s *ResultSender) say(peer *sinkPeer, m wire.Alive) {
	if peer.Gozmq() && socket.SendTo(peer.Conn, m) != nil {
		peer.deaf = true // until it has room
	}
}
