package zmtp

import (
	"bytes"
	"errors"
	"fmt"
)

// GreetingSize is the number of bytes of a greeting.
const GreetingSize = 64

// Offsets within a greeting. The padding between the two signature bytes is
// not to be looked at.
const (
	offsetFooter    = 9
	offsetMajor     = 10
	OffsetMinor     = 11
	offsetMechanism = 12
	endMechanism    = 32
)

// Minor is the minor version of ZMTP 3 that this package speaks.
const Minor = 1

// A Greeting is what a peer's greeting says.
type Greeting struct {
	Minor     byte // of version 3; 1 or more: the peer knows PING and SUBSCRIBE
	Mechanism string
}

// ParseGreeting decodes a greeting of GreetingSize bytes.
func ParseGreeting(b []byte) (Greeting, error) {
	if b[0] != 0xff || b[offsetFooter] != 0x7f {
		return Greeting{}, errors.New("greeting has no ZMTP signature: the peer does not speak ZeroMQ, or speaks a version before 3")
	}
	if b[offsetMajor] < 3 {
		return Greeting{}, fmt.Errorf("peer speaks ZMTP %d, at least 3 is needed", b[offsetMajor])
	}
	g := Greeting{Minor: b[OffsetMinor]}
	if b[offsetMajor] > 3 {
		g.Minor = Minor
	}
	name, _, _ := bytes.Cut(b[offsetMechanism:endMechanism], []byte{0})
	g.Mechanism = string(name)
	return g, nil
}
