//go:build unix

package gozmqcurve

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestKeyFileIsFIFO checks that a FIFO in place of a certificate holds nothing up.
func TestKeyFileIsFIFO(t *testing.T) {
	dir := t.TempDir()
	ada, text := savedKey(t)
	writeFile(t, filepath.Join(dir, "ada.key"), text, 0o644)
	folder, err := OpenKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0
	if err := syscall.Mkfifo(filepath.Join(dir, "zzz.key"), 0o644); err != nil {
		t.Skip(err)
	}
	if err := admits(t, folder, ada); err != nil { // hangs if the FIFO's writer is waited for
		t.Error(err)
	}
	wantText(t, admits(t, folder, newKey(t)), "zzz.key is no regular file")
}

// TestSecretKeyOwner checks that the secret key of another user is refused, also
// through a link.
func TestSecretKeyOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(t.TempDir(), "a")
	if err := SaveKey(path, newKey(t), nil); err != nil {
		t.Fatal(err)
	}
	secret := path + ".key_secret"
	if _, err := LoadKey(secret); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(secret, 12345, 12345); err != nil {
		t.Skip(err)
	}
	_, err := LoadKey(secret)
	wantText(t, err, "belongs to user 12345", "chown")
	link := path + ".link"
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	_, err = LoadKey(link)
	wantText(t, err, "belongs to user 12345")
}
