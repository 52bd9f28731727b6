package curve

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/box"
)

// lowOrder are the points of low order on the curve and its twist, with those
// of their other encodings that RFC 7748 has decoders take.
var lowOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"0100000000000000000000000000000000000000000000000000000000000080",
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newKey(t testing.TB) *Secret {
	t.Helper()
	s, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWeakKeys(t *testing.T) {
	secret := newKey(t)
	for _, text := range lowOrder {
		p := Public(unhex(t, text))
		if err := p.Check(); !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: Check gives %v", text, err)
		}
		if _, err := shared(secret, &p); !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: shared gives %v", text, err)
		}
		if _, err := NewClient(secret, p); !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: NewClient gives %v", text, err)
		}
	}
	if err := secret.Public().Check(); err != nil {
		t.Errorf("a good key: %v", err)
	}
}

// TestDocumentedPair derives the public key of the pairs that libzmq's manual
// (zmq_curve) has as its examples.
func TestDocumentedPair(t *testing.T) {
	for _, pair := range []struct{ public, secret string }{
		{"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"},
		{"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"},
	} {
		b, err := DecodeZ85(pair.secret)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSecret(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Public().String(); got != pair.public {
			t.Errorf("public key %s, want %s", got, pair.public)
		}
	}
}

// TestSharedKey checks that what two keys agree on is what NaCl's boxes use.
func TestSharedKey(t *testing.T) {
	alice, bob := newKey(t), newKey(t)
	there, err := shared(alice, &bob.public)
	if err != nil {
		t.Fatal(err)
	}
	back, err := shared(bob, &alice.public)
	if err != nil || *there != *back {
		t.Errorf("the two sides agree on different keys (%v)", err)
	}
	var want, public, secret [KeySize]byte
	public, secret = bob.public, *alice.key
	box.Precompute(&want, &public, &secret)
	if *there != want {
		t.Errorf("the shared key is not NaCl's")
	}
}

func TestSecrets(t *testing.T) {
	if _, err := NewSecret(make([]byte, KeySize)); err == nil {
		t.Error("a secret of zeros is taken")
	}
	if _, err := NewSecret(make([]byte, KeySize-1)); err == nil {
		t.Error("a short secret is taken")
	}
	s := newKey(t)
	if again, err := NewSecret(s.Bytes()); err != nil || !again.Equal(s) || again.Equal(newKey(t)) {
		t.Error("Bytes or Equal is wrong")
	}
	holder := struct{ s *Secret }{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		for _, v := range []any{s, holder, []*Secret{s}} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, EncodeZ85(s.key[:])) || strings.Contains(text, hex.EncodeToString(s.key[:])) ||
				strings.Contains(text, strings.Trim(fmt.Sprint(s.key[:]), "[]")) {
				t.Errorf("%s prints the secret", verb)
			}
		}
	}
}
