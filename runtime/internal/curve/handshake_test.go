package curve

import (
	"bytes"
	"errors"
	"testing"
)

// A meeting is one handshake as far as it has come.
type meeting struct {
	t      testing.TB
	client *Client
	server *Server
	key    *Secret // the client's
}

func meet(t testing.TB) *meeting {
	t.Helper()
	key, serverKey := newKey(t), newKey(t)
	client, err := NewClient(key, serverKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &meeting{t, client, NewServer(serverKey), key}
}

func (m *meeting) must(body []byte, err error) []byte {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	return body
}

// hello returns a HELLO that the server has not seen.
func (m *meeting) hello() []byte {
	m.t.Helper()
	return m.must(m.client.Hello())
}

func (m *meeting) welcome() []byte {
	m.t.Helper()
	m.must(nil, m.server.Hello(m.hello()))
	return m.must(m.server.Welcome())
}

func (m *meeting) initiate() []byte {
	m.t.Helper()
	m.must(nil, m.client.Welcome(m.welcome()))
	return m.must(m.client.Initiate([]byte("of the client")))
}

// ready returns a READY that the client has not seen, and the server's session.
func (m *meeting) ready() ([]byte, *Session) {
	m.t.Helper()
	public, metadata, err := m.server.Initiate(m.initiate())
	if err != nil || public != m.key.Public() || string(metadata) != "of the client" {
		m.t.Fatalf("INITIATE gives %v, %q, %v", public, metadata, err)
	}
	body, session, err := m.server.Ready([]byte("of the server"))
	m.must(nil, err)
	return body, session
}

func (m *meeting) sessions() (client, server *Session) {
	m.t.Helper()
	body, server := m.ready()
	metadata, client, err := m.client.Ready(body)
	if err != nil || string(metadata) != "of the server" {
		m.t.Fatalf("READY gives %q, %v", metadata, err)
	}
	return client, server
}

// commands has for each command how a fresh one comes to be, and who takes it.
var commands = []struct {
	name string
	size int // on the wire, with the name and its length
	make func(*meeting) []byte
	take func(*meeting, []byte) error
}{
	{CommandHello, 200, (*meeting).hello, func(m *meeting, b []byte) error { return m.server.Hello(b) }},
	{CommandWelcome, 168, (*meeting).welcome, func(m *meeting, b []byte) error { return m.client.Welcome(b) }},
	{CommandInitiate, 257 + len("of the client"), (*meeting).initiate, func(m *meeting, b []byte) error {
		_, _, err := m.server.Initiate(b)
		return err
	}},
	{CommandReady, 30 + len("of the server"), func(m *meeting) []byte {
		body, _ := m.ready()
		return body
	}, func(m *meeting, b []byte) error {
		_, _, err := m.client.Ready(b)
		return err
	}},
}

func TestHandshake(t *testing.T) {
	for _, c := range commands {
		m := meet(t)
		body := c.make(m)
		if got := 1 + len(c.name) + len(body); got != c.size {
			t.Errorf("%s has %d bytes, want %d", c.name, got, c.size)
		}
		if err := c.take(m, body); err != nil {
			t.Errorf("%s is refused: %v", c.name, err)
		}
	}
}

// TestDamaged changes a bit of every byte of every command, one at a time.
func TestDamaged(t *testing.T) {
	for _, c := range commands {
		for i := range c.make(meet(t)) {
			m := meet(t)
			body := c.make(m)
			body[i] ^= 1 << (i * 7 % 8) // byte 105 of HELLO: the bit that X25519 does not look at
			if err := c.take(m, body); err == nil {
				t.Errorf("%s with byte %d changed is taken", c.name, i)
			} else if again := c.take(m, body); !errors.Is(again, errOrder) {
				t.Errorf("%s: after an error a second one gives %v", c.name, again)
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	for _, c := range commands {
		body := c.make(meet(t))
		for n := range body {
			m := meet(t)
			if err := c.take(m, c.make(m)[:n]); err == nil {
				t.Errorf("%s of %d bytes is taken", c.name, n)
			}
		}
		m := meet(t)
		if err := c.take(m, append(c.make(m), 0)); err == nil {
			t.Errorf("%s with a byte behind it is taken", c.name)
		}
	}
}

// TestForeignSession hands each command to the other side of another session.
func TestForeignSession(t *testing.T) {
	for _, c := range commands {
		one, other := meet(t), meet(t)
		body := c.make(one)
		c.make(other)
		if err := c.take(other, body); err == nil {
			t.Errorf("%s of another session is taken", c.name)
		}
	}
}

// TestSameKeysForeignSession is TestForeignSession where all long-term keys are
// the same: a recorded session that is played again.
func TestSameKeysForeignSession(t *testing.T) {
	for _, c := range commands[1:] { // HELLO is the same for every session
		one := meet(t)
		again, err := NewClient(one.key, one.server.secret.Public())
		if err != nil {
			t.Fatal(err)
		}
		other := &meeting{t, again, NewServer(one.server.secret), one.key}
		body := c.make(one)
		c.make(other)
		if err := c.take(other, body); err == nil {
			t.Errorf("%s of an older session is taken", c.name)
		}
	}
}

// TestOrder hands each command to a side that is not to have it next.
func TestOrder(t *testing.T) {
	for _, c := range commands {
		body := c.make(meet(t))
		for _, before := range commands {
			m := meet(t)
			other := before.make(m)
			if err := before.take(m, other); err != nil {
				t.Fatal(err)
			}
			if err := c.take(m, body); err == nil {
				t.Errorf("%s is taken after %s", c.name, before.name)
			}
		}
		if m := meet(t); c.name != CommandHello {
			if err := c.take(m, body); !errors.Is(err, errOrder) {
				t.Errorf("%s at the start gives %v", c.name, err)
			}
		}
	}
}

func TestOutOfOrderMaking(t *testing.T) {
	m := meet(t)
	if _, err := m.client.Initiate(nil); !errors.Is(err, errOrder) {
		t.Errorf("INITIATE before WELCOME gives %v", err)
	}
	if _, err := m.client.Hello(); !errors.Is(err, errOrder) {
		t.Errorf("a client that failed goes on: %v", err)
	}
	if _, err := m.server.Welcome(); !errors.Is(err, errOrder) {
		t.Errorf("WELCOME before HELLO gives %v", err)
	}
	if _, _, err := meet(t).server.Ready(nil); !errors.Is(err, errOrder) {
		t.Errorf("READY before INITIATE gives %v", err)
	}
}

func TestWrongServerKey(t *testing.T) {
	client, err := NewClient(newKey(t), newKey(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	hello, _ := client.Hello()
	if err := NewServer(newKey(t)).Hello(hello); !errors.Is(err, ErrServerKey) {
		t.Errorf("HELLO for another server gives %v", err)
	}
}

// TestWeakKeysOfPeers puts keys of low order where a peer can.
func TestWeakKeysOfPeers(t *testing.T) {
	for _, text := range lowOrder {
		weak := Public(unhex(t, text))

		m := meet(t)
		hello := m.hello()
		copy(hello[helloKeyAt:], weak[:])
		if err := m.server.Hello(hello); !errors.Is(err, ErrWeakKey) {
			t.Errorf("HELLO with %s gives %v", text, err)
		}

		m = meet(t)
		m.must(nil, m.server.Hello(m.hello()))
		m.server.step = welcomed
		nonce := make([]byte, longNonce)
		plain := append(weak[:len(weak):len(weak)], make([]byte, cookieSize)...)
		if err := m.client.Welcome(seal(bytes.Clone(nonce), plain, random(prefixWelcome, nonce), m.server.toClient)); !errors.Is(err, ErrWeakKey) {
			t.Errorf("WELCOME with %s gives %v", text, err)
		}

		m = meet(t)
		body := m.forge(func(plain []byte) { copy(plain, weak[:]) })
		if _, _, err := m.server.Initiate(body); !errors.Is(err, ErrWeakKey) {
			t.Errorf("INITIATE with %s gives %v", text, err)
		}
	}
}

// forge makes an INITIATE whose box holds what change leaves of the right
// content.
func (m *meeting) forge(change func(plain []byte)) []byte {
	m.t.Helper()
	body := m.initiate()
	plain, ok := open(body[initiateBoxAt:], counted(prefixInitiate, 2), m.client.session)
	if !ok {
		m.t.Fatal("cannot open our own INITIATE")
	}
	change(plain)
	return seal(body[:initiateBoxAt:initiateBoxAt], plain, counted(prefixInitiate, 2), m.client.session)
}

// TestForgedVouch has a client that knows the protocol claim the key of another.
func TestForgedVouch(t *testing.T) {
	victim := newKey(t)
	vouchFor := func(m *meeting, claimed Public, inside ...[]byte) []byte {
		return m.forge(func(plain []byte) {
			key, err := shared(m.key, &m.client.serverShort)
			if err != nil {
				t.Fatal(err)
			}
			copy(plain, claimed[:])
			nonce := plain[KeySize : KeySize+longNonce]
			seal(plain[:KeySize+longNonce], bytes.Join(inside, nil), random(prefixVouch, nonce), key)
		})
	}
	other := newKey(t).Public()
	for name, body := range map[string]func(m *meeting) []byte{
		"another's key": func(m *meeting) []byte {
			return vouchFor(m, victim.Public(), m.client.short.public[:], m.client.server[:])
		},
		"another session": func(m *meeting) []byte { return vouchFor(m, m.key.Public(), other[:], m.client.server[:]) },
		"another server":  func(m *meeting) []byte { return vouchFor(m, m.key.Public(), m.client.short.public[:], other[:]) },
	} {
		m := meet(t)
		if _, _, err := m.server.Initiate(body(m)); err == nil {
			t.Errorf("a vouch for %s is taken", name)
		}
	}
	m := meet(t)
	if _, _, err := m.server.Initiate(vouchFor(m, m.key.Public(), m.client.short.public[:], m.client.server[:])); err != nil {
		t.Errorf("the right vouch is refused: %v", err)
	}
}

func TestStaleCookie(t *testing.T) {
	m := meet(t)
	body := m.initiate()
	m.server.welcomed = m.server.welcomed.Add(-cookieLife - 1)
	if _, _, err := m.server.Initiate(body); err == nil {
		t.Error("a stale cookie is taken")
	}
}

// TestInitiateNonce has INITIATE use a nonce that is not behind HELLO's.
func TestInitiateNonce(t *testing.T) {
	m := meet(t)
	body := m.initiate()
	m.server.hello = 2
	if _, _, err := m.server.Initiate(body); err == nil {
		t.Error("a nonce that was used is taken")
	}
}
