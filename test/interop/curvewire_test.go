package interop

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/box"

	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// What follows writes CURVE from RFC 26 and NaCl's boxes, apart from the
// runtime's own code.

// A curvePair is a secret key and the public key that belongs to it.
type curvePair struct{ public, secret *[32]byte }

func newCurvePair(t *testing.T, secret []byte) curvePair {
	t.Helper()
	public, err := curve25519.X25519(secret, curve25519.Basepoint)
	if err != nil {
		t.Fatal(err)
	}
	return curvePair{(*[32]byte)(public), (*[32]byte)(secret)}
}

// A curveWire has the keys of one connection: the long-term ones of client and
// server, and those of the connection, as c1 and s1.
type curveWire struct{ c, s, c1, s1 curvePair }

// exampleCurve has the keys of docs/PROTOCOL.md: the long-term ones are those of
// RFC 7748, section 6.1.
func exampleCurve(t *testing.T) *curveWire {
	key := func(text string) curvePair {
		secret, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return newCurvePair(t, secret)
	}
	return &curveWire{
		c:  key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"),
		s:  key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
		c1: newCurvePair(t, repeated(0x01, 32)),
		s1: newCurvePair(t, repeated(0x02, 32)),
	}
}

func repeated(b byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// sealed is a box; the nonce is a prefix and what follows it on the wire.
func sealed(plain []byte, prefix string, rest []byte, to *[32]byte, from *[32]byte) []byte {
	var nonce [24]byte
	copy(nonce[copy(nonce[:], prefix):], rest)
	return box.Seal(nil, plain, &nonce, to, from)
}

func joined(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func (w *curveWire) hello() []byte {
	return rawzmtp.Command("HELLO", joined([]byte{1, 0}, repeated(0, 72), w.c1.public[:], number(1),
		sealed(repeated(0, 64), "CurveZMQHELLO---", number(1), w.s.public, w.c1.secret)))
}

func (w *curveWire) welcome(random, cookie []byte) []byte {
	return rawzmtp.Command("WELCOME", joined(random, sealed(joined(w.s1.public[:], cookie), "WELCOME-", random, w.c1.public, w.s.secret)))
}

func (w *curveWire) initiate(cookie, random, metadata []byte) []byte {
	vouch := sealed(joined(w.c1.public[:], w.s.public[:]), "VOUCH---", random, w.s1.public, w.c.secret)
	return rawzmtp.Command("INITIATE", joined(cookie, number(2),
		sealed(joined(w.c.public[:], random, vouch, metadata), "CurveZMQINITIATE", number(2), w.s1.public, w.c1.secret)))
}

func (w *curveWire) ready(metadata []byte) []byte {
	return rawzmtp.Command("READY", joined(number(1), sealed(metadata, "CurveZMQREADY---", number(1), w.c1.public, w.s1.secret)))
}

// message is a frame of a message from the client, as its nth command.
func (w *curveWire) message(n uint64, flags byte, body []byte) []byte {
	return rawzmtp.Frame(0, joined([]byte("\x07MESSAGE"), number(n),
		sealed(joined([]byte{flags}, body), "CurveZMQMESSAGEC", number(n), w.s1.public, w.c1.secret)))
}
