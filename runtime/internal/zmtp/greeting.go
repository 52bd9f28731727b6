package zmtp

import (
	"bytes"
	"errors"
	"fmt"
)

// GreetingSize is the number of bytes of a greeting.
const GreetingSize = 64

// Offsets within a greeting. The padding between the two signature bytes has no
// meaning.
const (
	offsetFooter    = 9
	offsetMajor     = 10
	OffsetMinor     = 11
	offsetMechanism = 12
	endMechanism    = 32
	OffsetAsServer  = 32
)

// Minor is the minor version of ZMTP 3 that this package speaks.
const Minor = 1

// A Greeting is a decoded greeting.
type Greeting struct {
	Minor     byte // of version 3; 1 or more: the peer knows PING and SUBSCRIBE
	Mechanism string
}

// SignatureSize is how many bytes of a greeting show whether the peer speaks
// ZMTP, and which version.
const SignatureSize = offsetMajor + 1

// CheckSignature checks b, which is the beginning of a greeting of up to
// SignatureSize bytes.
func CheckSignature(b []byte) error {
	if len(b) > 0 && b[0] != 0xff || len(b) > offsetFooter && b[offsetFooter] != 0x7f {
		return errors.New("greeting has no ZMTP signature: the peer does not speak ZeroMQ, or speaks a version before 2")
	}
	if len(b) > offsetMajor && b[offsetMajor] < 3 {
		return fmt.Errorf("peer speaks ZMTP before version 3 (it says %d), at least 3 is needed", b[offsetMajor])
	}
	return nil
}

// ParseGreeting decodes a greeting of GreetingSize bytes.
func ParseGreeting(b []byte) (Greeting, error) {
	if err := CheckSignature(b[:SignatureSize]); err != nil {
		return Greeting{}, err
	}
	g := Greeting{Minor: b[OffsetMinor]}
	if b[offsetMajor] > 3 {
		g.Minor = Minor
	}
	name, _, _ := bytes.Cut(b[offsetMechanism:endMechanism], []byte{0})
	g.Mechanism = string(name)
	return g, nil
}
