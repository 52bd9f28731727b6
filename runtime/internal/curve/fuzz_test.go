package curve

import "testing"

// fuzzCommand hands anything in place of one command to whoever is to take it.
// Only what that very session's other side made may be accepted.
func fuzzCommand(f *testing.F, which int) {
	c := commands[which]
	good := c.make(meet(f))
	f.Add(good)
	f.Add([]byte{})
	f.Add(good[:len(good)-1])
	f.Add(append(good[:len(good):len(good)], 0))
	f.Add(make([]byte, len(good)))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := meet(t)
		c.make(m)
		if err := c.take(m, body); err == nil {
			t.Errorf("%s of nobody's making is taken: %x", c.name, body)
		}
	})
}

func FuzzHello(f *testing.F) {
	secret := newKey(f)
	client, err := NewClient(newKey(f), secret.Public())
	if err != nil {
		f.Fatal(err)
	}
	good, _ := client.Hello()
	f.Add(good, byte(0), 0)
	f.Add(good, byte(1), 0)
	f.Add(good, byte(0x80), helloKeyAt)
	f.Add(good[:10], byte(0), 0)
	f.Fuzz(func(t *testing.T, body []byte, change byte, at int) {
		if at >= 0 && at < len(body) {
			body[at] ^= change
		}
		if err := NewServer(secret).Hello(body); err == nil && string(body) != string(good) {
			t.Errorf("HELLO of nobody's making is taken: %x", body)
		}
	})
}

func FuzzWelcome(f *testing.F)  { fuzzCommand(f, 1) }
func FuzzInitiate(f *testing.F) { fuzzCommand(f, 2) }
func FuzzReady(f *testing.F)    { fuzzCommand(f, 3) }

// FuzzInitiateContent has a client that knows the protocol put anything into
// INITIATE's box.
func FuzzInitiateContent(f *testing.F) {
	f.Add(byte(0), 0)
	f.Add(byte(1), 0)
	f.Add(byte(0x80), KeySize)
	f.Fuzz(func(t *testing.T, change byte, at int) {
		m := meet(t)
		changed := false
		body := m.forge(func(plain []byte) {
			if at >= 0 && at < vouchedSize {
				plain[at] ^= change
				changed = change != 0
			}
		})
		if _, _, err := m.server.Initiate(body); (err == nil) == changed {
			t.Errorf("byte %d changed by %#02x gives %v", at, change, err)
		}
	})
}

func FuzzMessage(f *testing.F) {
	client, _ := meet(f).sessions()
	f.Add(client.Seal(nil, []byte{0, 'x'}))
	f.Add([]byte(messageName))
	f.Fuzz(func(t *testing.T, command []byte) {
		_, server := meet(t).sessions()
		if _, err := server.Open(nil, command); err == nil {
			t.Errorf("MESSAGE of nobody's making is taken: %x", command)
		}
	})
}
