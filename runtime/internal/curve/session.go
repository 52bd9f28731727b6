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

// ErrReplayed is returned for a message whose nonce is not larger than that of
// the one before.
var ErrReplayed = errors.New("MESSAGE has a nonce that was used already: it is a replay, or out of order")

// A Session seals and opens the messages of one connection. One goroutine at a time may
// seal, and another one may open meanwhile.
type Session struct {
	sealKey  [KeySize]byte
	sealed   [nonceSize]byte
	sealNext uint64

	openKey  [KeySize]byte
	opened   [nonceSize]byte
	openLast uint64
}

// newSession returns a session that seals with its first nonce at next, and
// opens what has a nonce behind last.
func newSession(key *[KeySize]byte, ours string, next uint64, theirs string, last uint64) *Session {
	s := &Session{sealKey: *key, sealNext: next, openKey: *key, openLast: last}
	copy(s.sealed[:], ours)
	copy(s.opened[:], theirs)
	return s
}

// Seal appends a MESSAGE command, including its name, to b. plain is a byte of flags and
// the content behind it; it must not overlap b's memory.
func (s *Session) Seal(b, plain []byte) []byte {
	b = append(b, messageName...)
	b = binary.BigEndian.AppendUint64(b, s.sealNext)
	binary.BigEndian.PutUint64(s.sealed[nonceSize-shortNonce:], s.sealNext)
	s.sealNext++ // 2^64 messages are more than a connection lives to send
	return seal(b, plain, &s.sealed, &s.sealKey)
}

// Open appends what is in a MESSAGE command to b: the flags, one byte, and what
// stands behind them. The command must not overlap b's memory. An error is
// final: what comes next cannot be trusted.
func (s *Session) Open(b, command []byte) ([]byte, error) {
	if len(command) < Overhead || string(command[:len(messageName)]) != messageName {
		return nil, fmt.Errorf("peer sent %d bytes that are no MESSAGE command, after a CURVE handshake", len(command))
	}
	n := binary.BigEndian.Uint64(command[len(messageName):])
	binary.BigEndian.PutUint64(s.opened[nonceSize-shortNonce:], n)
	start := len(b)
	b, ok := open(b, command[messageBoxAt:], &s.opened, &s.openKey)
	if !ok {
		return nil, errForged(CommandMessage)
	}
	if n <= s.openLast {
		return nil, ErrReplayed
	}
	s.openLast = n
	if flags := b[start]; flags&^flagsKnown != 0 || flags == flagsKnown {
		return nil, fmt.Errorf("MESSAGE has flags %#02x", flags)
	}
	return b, nil
}
