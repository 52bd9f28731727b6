package curve

import (
	"encoding/binary"

	"golang.org/x/crypto/nacl/secretbox"
)

const (
	overhead   = secretbox.Overhead
	nonceSize  = 24
	shortNonce = 8  // bytes on the wire of a counted nonce
	longNonce  = 16 // bytes on the wire of a random nonce
)

// Prefixes of nonces (RFC 26): 16 bytes before a short nonce, 8 before a long
// one.
const (
	prefixHello    = "CurveZMQHELLO---"
	prefixWelcome  = "WELCOME-"
	prefixCookie   = "COOKIE--"
	prefixInitiate = "CurveZMQINITIATE"
	prefixVouch    = "VOUCH---"
	prefixReady    = "CurveZMQREADY---"
	prefixClient   = "CurveZMQMESSAGEC"
	prefixServer   = "CurveZMQMESSAGES"
)

// counted returns the nonce made of a prefix and a number.
func counted(prefix string, n uint64) *[nonceSize]byte {
	var nonce [nonceSize]byte
	copy(nonce[:], prefix)
	binary.BigEndian.PutUint64(nonce[nonceSize-shortNonce:], n)
	return &nonce
}

// random returns the nonce made of a prefix and 16 random bytes.
func random(prefix string, b []byte) *[nonceSize]byte {
	var nonce [nonceSize]byte
	copy(nonce[:], prefix)
	copy(nonce[nonceSize-longNonce:], b)
	return &nonce
}

// seal appends the box of plain to b, which must not overlap it.
func seal(b, plain []byte, nonce *[nonceSize]byte, key *[KeySize]byte) []byte {
	return secretbox.Seal(b, plain, nonce, key)
}

// open returns the content of a box. ok is false when the box was not made with
// that key and nonce.
func open(box []byte, nonce *[nonceSize]byte, key *[KeySize]byte) (plain []byte, ok bool) {
	return secretbox.Open(nil, box, nonce, key)
}
