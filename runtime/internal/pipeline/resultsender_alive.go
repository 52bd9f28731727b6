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

const (
	// maxWords is how many ventilators' words are kept; the oldest is forgotten.
	maxWords = 64
	// endedShare is the part of a lease that a sink hears when nothing is left of
	// it: less than the lease, by which it knows that the word is not new.
	endedShare = 60
)

// PassOn sends every sink that knows the word, and has room, that a ventilator is
// there. Other sinks get it once they are connected, or have room, with what is
// then left of its lease, and a small part of it when nothing is left: a sink that
// has a result of a batch so knows for how long to wait for the next word, even if
// none comes.
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
	name := string(state.Ventilator)
	if _, known := s.words[name]; !known && len(s.words) >= maxWords {
		s.dropOldestWord()
	}
	s.words[name] = lastWord{state, time.Now()}
}

// dropOldestWord forgets the ventilator that was silent for longest; s.mu is held.
func (s *ResultSender) dropOldestWord() {
	var oldest string
	for name, word := range s.words {
		if oldest == "" || word.came.Before(s.words[oldest].came) {
			oldest = name
		}
	}
	delete(s.words, oldest)
}

// repeatWords tells a sink of every ventilator that it may miss; s.mu is held.
func (s *ResultSender) repeatWords(peer *sinkPeer) {
	peer.deaf = false
	for _, word := range s.words {
		state := word.VentilatorState
		state.Lease = max(word.Lease-time.Since(word.came), word.Lease/endedShare)
		s.say(peer, state.Encode())
	}
}

func (s *ResultSender) say(peer *sinkPeer, m wire.Alive) {
	if peer.Gozmq() && socket.SendTo(peer.Conn, m) != nil {
		peer.deaf = true // until it has room
	}
}
