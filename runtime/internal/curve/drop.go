package curve

import (
	"crypto/subtle"
	"encoding/binary"

	"golang.org/x/crypto/poly1305" //nolint:staticcheck // secretbox has no other way to authenticate in pieces
)

// DropHead is how many bytes of a MESSAGE command NewDrop needs.
const DropHead = messageBoxAt + overhead + 1

// A Drop authenticates a MESSAGE command in pieces, and discards its content.
type Drop struct {
	session *Session
	mac     *poly1305.MAC
	tag     [overhead]byte
	nonce   uint64
	flags   byte
}

// NewDrop begins to authenticate the next command in place of Open. head is its
// first DropHead bytes; Write takes the following ones.
func (s *Session) NewDrop(head []byte) (*Drop, error) {
	if len(head) < DropHead || string(head[:len(messageName)]) != messageName {
		return nil, errNoMessage(len(head))
	}
	d := &Drop{session: s, nonce: binary.BigEndian.Uint64(head[len(messageName):])}
	copy(d.tag[:], head[messageBoxAt:])
	var pad [padSize]byte
	s.opener.head(&pad, d.nonce, 1)
	d.mac = poly1305.New((*[macKeySize]byte)(pad[:]))
	sealed := head[DropHead-1 : DropHead]
	d.flags = sealed[0] ^ pad[macKeySize]
	_, _ = d.mac.Write(sealed)
	return d, nil
}

// Write takes the next bytes of the command.
func (d *Drop) Write(b []byte) { _, _ = d.mac.Write(b) }

// End returns the flags of the content, after the whole command was written. It
// returns the errors of Open.
func (d *Drop) End() (flags byte, err error) {
	if subtle.ConstantTimeCompare(d.mac.Sum(nil), d.tag[:]) != 1 {
		return 0, errForged(CommandMessage)
	}
	return d.flags, d.session.follow(d.nonce, d.flags)
}
