package curve

import (
	"errors"
	"fmt"
)

// Names of the commands of the handshake, and of messages.
const (
	CommandHello    = "HELLO"
	CommandWelcome  = "WELCOME"
	CommandInitiate = "INITIATE"
	CommandReady    = "READY"
	CommandMessage  = "MESSAGE"
)

// Sizes of command bodies, without the name.
const (
	helloSize    = 2 + 72 + KeySize + shortNonce + helloBox
	welcomeSize  = longNonce + overhead + KeySize + cookieSize
	initiateSize = cookieSize + shortNonce + overhead + vouchedSize // without metadata
	readySize    = shortNonce + overhead                            // without metadata

	helloZeros  = 64
	helloBox    = overhead + helloZeros
	cookieSize  = longNonce + overhead + 2*KeySize
	vouchSize   = overhead + 2*KeySize
	vouchedSize = KeySize + longNonce + vouchSize
)

// Offsets within command bodies.
const (
	helloKeyAt   = 2 + 72
	helloNonceAt = helloKeyAt + KeySize
	helloBoxAt   = helloNonceAt + shortNonce

	initiateNonceAt = cookieSize
	initiateBoxAt   = initiateNonceAt + shortNonce
)

// ErrServerKey is returned by a server for a HELLO that was made for another
// server's key.
var ErrServerKey = errors.New("HELLO cannot be opened: the peer was given another server's public key, or what it sent was damaged")

var errOrder = errors.New("handshake command out of order")

func checkSize(name string, body []byte, want int, exact bool) error {
	if len(body) == want || !exact && len(body) > want {
		return nil
	}
	if exact {
		return fmt.Errorf("%s has a body of %d bytes, want %d", name, len(body), want)
	}
	return fmt.Errorf("%s has a body of %d bytes, want at least %d", name, len(body), want)
}

func errForged(name string) error {
	return fmt.Errorf("%s cannot be opened: it was made with other keys, for another session, or damaged", name)
}
