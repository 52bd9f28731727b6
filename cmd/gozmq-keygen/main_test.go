package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

func TestKeygen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ada")
	var out strings.Builder
	if err := run([]string{"--meta", "name=Ada Lovelace", "--meta", "email=ada@example.com", path}, &out); err != nil {
		t.Fatal(err)
	}
	k, err := gozmqcurve.LoadKey(path + ".key_secret")
	if err != nil {
		t.Fatal(err)
	}
	c, err := gozmqcurve.LoadCertificate(path + ".key")
	if err != nil || c.PublicKey != k.Public() || c.Metadata["name"] != "Ada Lovelace" || c.Metadata["email"] != "ada@example.com" {
		t.Errorf("the certificate is %+v, %v", c, err)
	}
	if got := strings.TrimSpace(out.String()); got != k.Public().String() {
		t.Errorf("printed %q, want %s", got, k.Public())
	}
	if info, err := os.Stat(path + ".key_secret"); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the secret file has mode %v, %v", info.Mode(), err)
	}
	public, err := os.ReadFile(path + ".key")
	if err != nil || strings.Contains(string(public), k.Z85()) || strings.Contains(out.String(), k.Z85()) {
		t.Errorf("the secret is in what is public (%v)", err)
	}
	out.Reset()
	if err := run([]string{"--public", path + ".key_secret"}, &out); err != nil || strings.TrimSpace(out.String()) != k.Public().String() {
		t.Errorf("--public prints %q, %v", out.String(), err)
	}
	if err := run([]string{path}, &out); err == nil {
		t.Error("a key was overwritten")
	}
	if again, err := gozmqcurve.LoadKey(path + ".key_secret"); err != nil || !again.Equal(k) {
		t.Errorf("the key has changed: %v", err)
	}
}

func TestKeygenArguments(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"--help"}, &out); err != nil || out.String() != usage {
		t.Errorf("--help prints %q, %v", out.String(), err)
	}
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"none":               nil,
		"unknown flag":       {"--what"},
		"two paths":          {filepath.Join(dir, "a"), filepath.Join(dir, "b")},
		"metadata alone":     {"--meta", "a=b"},
		"malformed metadata": {"--meta", "ab", filepath.Join(dir, "a")},
		"metadata's name":    {"--meta", "a b=c", filepath.Join(dir, "a")},
		"no such folder":     {filepath.Join(dir, "no", "such")},
		"no such secret":     {"--public", filepath.Join(dir, "none")},
	} {
		if err := run(args, &out); err == nil {
			t.Errorf("%s: %q is taken", name, args)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}
