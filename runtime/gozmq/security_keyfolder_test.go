package gozmq

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// savedKey writes a new key's certificate to a folder of its own, and returns the key
// and what is in its public file.
func savedKey(t *testing.T) (CurveSecretKey, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	k := curveKey(t)
	if err := SaveCurveKey(path, k, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	return k, string(text)
}

// admits asks a folder about a key.
func admits(t *testing.T, f *CurveKeyFolder, k CurveSecretKey) error {
	t.Helper()
	_, err := f.Authenticate(t.Context(), &AuthRequest{Mechanism: MechanismCurve, PublicKey: k.Public()})
	return err
}

// TestKeyFileBeingWritten has a client come while its certificate is half written: it
// is not refused, and gets in once the file is whole.
func TestKeyFileBeingWritten(t *testing.T) {
	dir := t.TempDir()
	ada, text := savedKey(t)
	path := writeFile(t, filepath.Join(dir, "ada.key"), text, 0o644)
	folder, err := OpenCurveKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0
	server, events := curveKey(t), newRecorder()
	writeFile(t, path, text[:len(text)/2], 0o644)
	r := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), WithSecurity(CurveServer(server, folder.Authenticate)), events.option())
	c := dial(t, Connect(r.addr()), WithSecurity(CurveClient(ada, server.Public())), WithReconnectBackoff(10*time.Millisecond, time.Hour))
	wantText(t, events.wait(t, EventAuthFailed, 1).Err, "not on the list", "could not be read", "ada.key")
	writeFile(t, path, text, 0o644)
	mustEcho(t, c) // a refusal would have it wait for an hour
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantCode(t, admits(t, folder, ada), CodeUnknown, "not on the list")
}

// TestKeyFileReplaced checks that a certificate that is replaced by another one of the
// same size and time is noticed.
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
	folder, err := OpenCurveKeyFolder(dir)
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
