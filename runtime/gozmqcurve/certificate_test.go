package gozmqcurve

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// czmqCertificate is a file as CZMQ 4 writes it, with the keys that libzmq's
// manual has as its example.
const czmqCertificate = `#   ****  Generated on 2024-01-01 00:00:00 by CZMQ  ****
#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.

metadata
    email = "ph@imatix.com"
    name = "Pieter Hintjens"
curve
    public-key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
    secret-key = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
`

func writeFile(t testing.TB, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCZMQCertificate(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "x.key_secret"), czmqCertificate, 0o600)
	k, err := LoadKey(path)
	if err != nil || k.Public().String() != "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID" {
		t.Errorf("the key is %v, %v", k.Public(), err)
	}
	c, err := LoadCertificate(path)
	if err != nil || c.Metadata["name"] != "Pieter Hintjens" || c.Metadata["email"] != "ph@imatix.com" {
		t.Errorf("the certificate is %+v, %v", c, err)
	}
}

func TestCertificateFaults(t *testing.T) {
	dir := t.TempDir()
	secret := "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		part string
	}{
		"readable by the group":  {czmqCertificate, 0o640, "chmod 600"},
		"writable by all":        {czmqCertificate, 0o602, "chmod 600"},
		"empty":                  {"", 0o600, "it contains no key"},
		"no secret":              {"curve\n    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n", 0o600, "is it the public certificate?"},
		"no pair":                {"curve\n    secret-key\n", 0o600, "line 2"},
		"short key":              {"curve\n    secret-key = \"" + secret[:39] + "\"\n", 0o600, "39 bytes"},
		"not Z85":                {"curve\n    secret-key = \"" + secret[:39] + "~\"\n", 0o600, "character 40"},
		"keys that do not match": {strings.Replace(czmqCertificate, "Yne@", "Zne@", 1), 0o600, "not that of its secret"},
		"large":                  {strings.Repeat("#\n", 40_000), 0o600, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && tt.mode != 0o600 {
				t.Skip("Windows has no such modes")
			}
			path := writeFile(t, filepath.Join(dir, "x"), tt.text, 0o600)
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(path)
			_, err := LoadKey(path)
			wantText(t, err, tt.part, path)
			if strings.Contains(err.Error(), secret[:30]) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	_, err := LoadKey(dir)
	wantText(t, err, "no regular file")
	_, err = LoadCertificate(filepath.Join(dir, "none"))
	wantText(t, err, "none")
	wantText(t, SaveKey(filepath.Join(dir, "zero"), SecretKey{}, nil), "NewKey")
}

func FuzzCertificate(f *testing.F) {
	f.Add([]byte(czmqCertificate))
	f.Add([]byte("curve\npublic-key='x'\n"))
	f.Add([]byte("a = b\r\n\t=\n#"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseCertificate(text)
		if err == nil && file.public == "" && file.secret == "" {
			t.Error("a file without a key is taken")
		}
	})
}
