package curve

import (
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/poly1305"      //nolint:staticcheck // secretbox derives its key from the nonce again for each message
	"golang.org/x/crypto/salsa20/salsa" //nolint:staticcheck // secretbox derives its key from the nonce again for each message
)

const (
	// Salsa20 makes four blocks at once, in less time than two by themselves.
	blockSize = 64
	padSize   = 4 * blockSize
	// The stream of a message begins with the key of its authenticator.
	macKeySize = 32
	headSize   = padSize - macKeySize
)

// A stream makes the boxes of the messages of one direction, byte for byte those of
// seal and open (nacl/secretbox). All their nonces begin alike, with 16 bytes that
// XSalsa20 turns into a key: that key is made once.
type stream [KeySize]byte

func newStream(key *[KeySize]byte, prefix string) *stream {
	s := new(stream)
	salsa.HSalsa20((*[KeySize]byte)(s), (*[16]byte)([]byte(prefix)), key, &salsa.Sigma)
	return s
}

// seal appends the box of plain to b, which must not overlap it. n is the number in
// the nonce, which no other message may have.
func (s *stream) seal(b, plain []byte, n uint64) []byte {
	var pad [padSize]byte
	s.head(&pad, n, len(plain))
	start := len(b)
	b = slices.Grow(b, overhead+len(plain))[:start+overhead+len(plain)]
	tag, sealed := b[start:start+overhead], b[start+overhead:]
	s.xor(sealed, plain, &pad, n)
	poly1305.Sum((*[overhead]byte)(tag), sealed, (*[macKeySize]byte)(pad[:]))
	return b
}

// open appends the content of the box with the number n to b, which must not
// overlap it. ok is false when the box was not made with this key and number.
func (s *stream) open(b, box []byte, n uint64) (plain []byte, ok bool) {
	if len(box) < overhead {
		return nil, false
	}
	var pad [padSize]byte
	tag, sealed := box[:overhead], box[overhead:]
	s.head(&pad, n, len(sealed))
	if !poly1305.Verify((*[overhead]byte)(tag), sealed, (*[macKeySize]byte)(pad[:])) {
		return nil, false
	}
	start := len(b)
	b = slices.Grow(b, len(sealed))[:start+len(sealed)]
	s.xor(b[start:], sealed, &pad, n)
	return b, true
}

// head fills an empty pad with the first bytes of the stream of message n: the key
// of its authenticator, and what covers up to headSize bytes of a message of a
// size.
func (s *stream) head(pad *[padSize]byte, n uint64, size int) {
	if macKeySize+size <= blockSize {
		s.cover(pad[:blockSize], pad[:blockSize], n, 0)
		return
	}
	s.cover(pad[:], pad[:], n, 0)
}

// xor covers or uncovers a message whose head the pad covers.
func (s *stream) xor(to, from []byte, pad *[padSize]byte, n uint64) {
	done := subtle.XORBytes(to, from, pad[macKeySize:])
	block := uint64(padSize / blockSize)
	if whole := (len(from) - done) / padSize * padSize; whole > 0 {
		s.cover(to[done:done+whole], from[done:done+whole], n, block)
		done, block = done+whole, block+uint64(whole/blockSize)
	}
	switch rest := len(from) - done; {
	case rest == 0:
	case rest <= blockSize:
		s.cover(to[done:], from[done:], n, block)
	default:
		var last [padSize]byte
		s.cover(last[:], last[:], n, block)
		subtle.XORBytes(to[done:], from[done:], last[:])
	}
}

// cover XORs the stream of message n, from a block on, to bytes.
func (s *stream) cover(to, from []byte, n, block uint64) {
	var counter [16]byte
	binary.BigEndian.PutUint64(counter[:], n)
	binary.LittleEndian.PutUint64(counter[8:], block)
	salsa.XORKeyStream(to, from, &counter, (*[KeySize]byte)(s))
}
