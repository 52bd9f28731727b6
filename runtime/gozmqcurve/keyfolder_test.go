package gozmqcurve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// savedKey writes a new key's certificate to a folder of its own, and returns
// the key and what is in its public file.
func savedKey(t *testing.T) (SecretKey, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	k := newKey(t)
	if err := SaveKey(path, k, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	return k, string(text)
}

// admits asks a folder about a key.
func admits(t *testing.T, f *KeyFolder, k SecretKey) error {
	t.Helper()
	_, err := f.Authenticate(t.Context(), &gozmq.AuthRequest{Mechanism: gozmq.MechanismCurve, PublicKey: k.Public()})
	return err
}

// TestKeyFolder lets keys come and go while a server is running.
func TestKeyFolder(t *testing.T) {
	dir := t.TempDir()
	ada, bob := newKey(t), newKey(t)
	if err := SaveKey(filepath.Join(dir, "ada"), ada, map[string]string{"role": "admin"}); err != nil {
		t.Fatal(err)
	}
	folder, err := OpenKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0 // look each time
	s := serve(t, folder.Authenticate)
	if id := s.greet(t, s.dial(t, ada)); id == nil || id.Name != "ada" || id.Metadata["role"] != "admin" {
		t.Errorf("the identity is %+v", id)
	}
	s.dial(t, bob)
	wantText(t, s.refusal(t, 1), "not on the list")
	if err := SaveKey(filepath.Join(dir, "bob"), bob, nil); err != nil {
		t.Fatal(err)
	}
	s.greet(t, s.dial(t, bob))
	if err := os.Remove(filepath.Join(dir, "ada.key")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "broken.key"), "nothing", 0o600)
	s.dial(t, ada)
	beside := s.events.Wait(t, 0, 1, "a refusal beside a broken file", func(e gozmq.Event) bool {
		return e.Kind == gozmq.EventAuthFailed && strings.Contains(e.Err.Error(), "broken.key")
	})
	wantText(t, beside[0].Err, "not on the list")
	wantCode(t, admits(t, folder, ada), gozmq.CodeUnavailable, "some files could not be read")
	wantText(t, folder.Reload(), "broken.key")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s.dial(t, bob)
	s.events.Wait(t, 0, 1, "a refusal because of the folder", func(e gozmq.Event) bool {
		return e.Kind == gozmq.EventAuthFailed && strings.Contains(e.Err.Error(), "key folder: open")
	})
	if _, err := OpenKeyFolder(dir); err == nil {
		t.Error("a folder that is not there is opened")
	}
}

// TestKeyFileBeingWritten has a client come while its certificate is half
// written: it is not refused, and gets in once the file is whole.
func TestKeyFileBeingWritten(t *testing.T) {
	dir := t.TempDir()
	ada, text := savedKey(t)
	path := writeFile(t, filepath.Join(dir, "ada.key"), text, 0o644)
	folder, err := OpenKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0
	writeFile(t, path, text[:len(text)/2], 0o644)
	server := serve(t, folder.Authenticate)
	conn := server.dial(t, ada, gozmq.WithReconnectBackoff(10*time.Millisecond, time.Hour))
	wantText(t, server.refusal(t, 1), "not on the list", "could not be read", "ada.key")
	writeFile(t, path, text, 0o644)
	server.greet(t, conn) // a refusal would have it wait for an hour
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantCode(t, admits(t, folder, ada), gozmq.CodeUnknown, "not on the list")
}

// TestKeyFileReplaced checks that a certificate that is replaced by another one
// of the same size and time is noticed.
func TestKeyFileReplaced(t *testing.T) {
	dir, when := t.TempDir(), time.Unix(1_700_000_000, 0)
	before, old := savedKey(t)
	after, next := savedKey(t)
	put := func(text string) {
		temporary := writeFile(t, filepath.Join(dir, "new"), text, 0o644)
		if err := os.Chtimes(temporary, when, when); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temporary, filepath.Join(dir, "ada.key")); err != nil {
			t.Fatal(err)
		}
	}
	put(old)
	folder, err := OpenKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0
	if err := admits(t, folder, before); err != nil {
		t.Fatal(err)
	}
	put(next)
	wantText(t, admits(t, folder, before), "not on the list")
	if err := admits(t, folder, after); err != nil {
		t.Errorf("the new key: %v", err)
	}
}
