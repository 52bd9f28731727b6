package curve

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Flags of a message within its box. libzmq sends its commands (heartbeats and
// subscriptions) in this form.
const (
	FlagMore    = 1 << 0
	FlagCommand = 1 << 1
	flagsKnown  = FlagMore | FlagCommand
)

const (
	messageName = "\x07" + CommandMessage
	// Overhead is the size of a MESSAGE command beyond its content: its name,
	// nonce, authenticator and flags.
	Overhead = len(messageName) + shortNonce + overhead + 1

	messageBoxAt = len(messageName) + shortNonce
)

// Errors of messages out of sequence. Boxes protect the content of each message;
// the nonces, which count by one, protect the sequence. Otherwise an attacker
// without keys could join the first frames of one message to the last frames of
// another.
var (
	// ErrReplayed is returned for a nonce that is not larger than the last one.
	ErrReplayed = errors.New("MESSAGE has a nonce that was used already: it is a replay, or out of order")
	// ErrRemoved is returned for a nonce that is larger than the next one.
	ErrRemoved = errors.New("MESSAGE has a nonce that is not the next one: a message before it was removed on the way")
)

// A Session seals and opens the messages of one connection. One goroutine at a time
// may seal, while another one opens.
type Session struct {
	sealer   *stream
	sealNext uint64

	opener   *stream
	openLast uint64
}

// newSession returns a session whose first message has the nonce next, and
// which expects the peer's nonces to follow last.
func newSession(key *[KeySize]byte, ours string, next uint64, theirs string, last uint64) *Session {
	return &Session{sealer: newStream(key, ours), sealNext: next, opener: newStream(key, theirs), openLast: last}
}

// Seal appends a MESSAGE command, including its name, to b. plain is a byte of
// flags and the content; it must not overlap b's memory.
func (s *Session) Seal(b, plain []byte) []byte {
	b = append(b, messageName...)
	n := s.sealNext
	s.sealNext++ // no connection lives long enough to send 2^64 messages
	return s.sealer.seal(binary.BigEndian.AppendUint64(b, n), plain, n)
}

// Open appends the content of a MESSAGE command to b: a byte of flags and the bytes
// after it. The command must not overlap b's memory. The command's nonce must be
// the last one plus 1 (RFC 26 asks only for a larger one; libzmq and we count by
// one). After an error the following commands cannot be trusted, and must not be
// opened.
func (s *Session) Open(b, command []byte) ([]byte, error) {
	if len(command) < Overhead || string(command[:len(messageName)]) != messageName {
		return nil, errNoMessage(len(command))
	}
	n := binary.BigEndian.Uint64(command[len(messageName):])
	start := len(b)
	b, ok := s.opener.open(b, command[messageBoxAt:], n)
	if !ok {
		return nil, errForged(CommandMessage)
	}
	if err := s.follow(n, b[start]); err != nil {
		return nil, err
	}
	return b, nil
}

// follow checks the nonce and the flags of an authentic command.
func (s *Session) follow(n uint64, flags byte) error {
	switch {
	case n <= s.openLast:
		return ErrReplayed
	case n > s.openLast+1:
		return ErrRemoved
	}
	s.openLast = n
	if flags&^flagsKnown != 0 || flags == flagsKnown {
		return fmt.Errorf("MESSAGE has flags %#02x", flags)
	}
	return nil
}

func errNoMessage(size int) error {
	return fmt.Errorf("peer sent %d bytes that are no MESSAGE command, after a CURVE handshake", size)
}
