package curve

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Flags of a message within its box. libzmq sends its commands (heartbeats and
// subscriptions) so.
const (
	FlagMore    = 1 << 0
	FlagCommand = 1 << 1
	flagsKnown  = FlagMore | FlagCommand
)

const (
	messageName = "\x07" + CommandMessage
	// Overhead is how many bytes a MESSAGE command is longer than its content: its
	// name, nonce, authenticator and flags.
	Overhead = len(messageName) + shortNonce + overhead + 1

	messageBoxAt = len(messageName) + shortNonce
)

// Errors of messages that do not follow the one before. Boxes protect the
// content of each message, and the nonces, which count by one, their sequence:
// without it an attacker without keys could join the head of one message to the
// tail of another.
var (
	// ErrReplayed is returned for a nonce that is not larger than the one before.
	ErrReplayed = errors.New("MESSAGE has a nonce that was used already: it is a replay, or out of order")
	// ErrRemoved is returned for a nonce that is larger than the next one.
	ErrRemoved = errors.New("MESSAGE has a nonce that is not the next one: a message before it was removed on the way")
)

// A Session seals and opens the messages of one connection. One goroutine at a
// time may seal, and another one may open meanwhile.
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
// flags and the content behind it; it must not overlap b's memory.
func (s *Session) Seal(b, plain []byte) []byte {
	b = append(b, messageName...)
	n := s.sealNext
	s.sealNext++ // 2^64 messages are more than a connection lives to send
	return s.sealer.seal(binary.BigEndian.AppendUint64(b, n), plain, n)
}

// Open appends the content of a MESSAGE command to b: a byte of flags and the
// bytes behind it. The command must not overlap b's memory. The command's nonce
// must be the one before plus 1 (RFC 26 asks for more than the one before only;
// libzmq and we count by one). After an error the following commands cannot be
// trusted, and must not be opened.
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

// follow checks the nonce and the flags of a command that is authentic.
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
