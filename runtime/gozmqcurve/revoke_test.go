package gozmqcurve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// revoked waits for n connections that the server has ended because their peers may
// not stay, and returns the last one's reason.
func (s *server) revoked(t *testing.T, n int) error {
	t.Helper()
	return s.events.Wait(t, 0, n, "revoked peers", func(e gozmq.Event) bool {
		return e.Kind == gozmq.EventDisconnected && e.Err != nil && strings.Contains(e.Err.Error(), "may not stay")
	})[n-1].Err
}

// wantOne checks that only one peer is connected.
func wantOne(t *testing.T, s *server, conn *gozmq.Conn, name string) {
	t.Helper()
	if id := s.greet(t, conn); id.Name != name {
		t.Errorf("%v has greeted, want %s", id, name)
	}
	if n := conn.Stats().Disconnected; n != 0 {
		t.Errorf("%s lost its connection", name)
	}
}

// TestKeyListRevokes takes a key off a list, and changes what a key stands for,
// while their owners are connected.
func TestKeyListRevokes(t *testing.T) {
	ada, bob := newKey(t), newKey(t)
	list := new(KeyList)
	list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{ada.Public(): {Name: "ada"}, bob.Public(): {Name: "bob"}})
	s := serve(t, list.Authenticate)
	a, b := s.dial(t, ada), s.dial(t, bob)
	s.greet(t, a)
	s.greet(t, b)
	list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{bob.Public(): {Name: "bob"}})
	wantText(t, s.revoked(t, 1), "peer may not stay: the key is not on the list")
	wantText(t, s.refusal(t, 1), "not on the list") // it has come back
	wantOne(t, s, b, "bob")
	list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{bob.Public(): {Name: "bob", Metadata: map[string]string{"role": "guest"}}})
	wantText(t, s.revoked(t, 2), "identity on the list has changed")
	if id := s.greet(t, b); id.Metadata["role"] != "guest" {
		t.Errorf("bob has come back as %+v", id)
	}
}

// TestKeyFolderRevokes removes and changes files while their owners are connected,
// also beside a file that cannot be read.
func TestKeyFolderRevokes(t *testing.T) {
	dir := t.TempDir()
	ada, bob, eve := newKey(t), newKey(t), newKey(t)
	for name, k := range map[string]SecretKey{"ada": ada, "bob": bob, "eve": eve} {
		if err := SaveKey(filepath.Join(dir, name), k, nil); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := OpenKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0 // look each time
	s := serve(t, folder.Authenticate)
	a, b, e := s.dial(t, ada), s.dial(t, bob), s.dial(t, eve)
	for _, c := range []*gozmq.Conn{a, b, e} {
		s.greet(t, c)
	}
	if err := os.Remove(filepath.Join(dir, "ada.key")); err != nil {
		t.Fatal(err)
	}
	wantText(t, s.revoked(t, 1), "not on the list")
	wantOne(t, s, b, "bob")
	writeFile(t, filepath.Join(dir, "eve.key"), "being written", 0o600)
	if err := os.Remove(filepath.Join(dir, "bob.key")); err != nil {
		t.Fatal(err)
	}
	wantText(t, s.revoked(t, 2), "not on the list")
	wantOne(t, s, e, "eve") // her file is there, and cannot be read
	_, other := savedKey(t)
	writeFile(t, filepath.Join(dir, "eve.key"), other, 0o600)
	wantText(t, s.revoked(t, 3), "not on the list")
}

// TestDisconnectByKey ends a connection by hand.
func TestDisconnectByKey(t *testing.T) {
	ada, bob := newKey(t), newKey(t)
	s := serve(t, gozmq.AllowAny)
	a, b := s.dial(t, ada), s.dial(t, bob)
	s.greet(t, a)
	s.greet(t, b)
	is := func(k SecretKey) func(*gozmq.Peer) bool {
		return func(p *gozmq.Peer) bool { return p.PublicKey == k.Public() }
	}
	if n := s.srv.Disconnect(is(ada)); n != 1 {
		t.Errorf("%d connections were ended, want 1", n)
	}
	wantText(t, s.revoked(t, 1), "Disconnect was called")
	wantOne(t, s, b, bob.Public().String())
	s.greet(t, a) // it has come back, since nobody refuses it
	if n := s.srv.Disconnect(is(newKey(t))); n != 0 {
		t.Errorf("%d connections of a stranger were ended", n)
	}
}
