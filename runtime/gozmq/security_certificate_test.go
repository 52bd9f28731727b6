package gozmq

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
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
	k, err := LoadCurveKey(path)
	if err != nil || k.Public().String() != "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID" {
		t.Errorf("the key is %v, %v", k.Public(), err)
	}
	c, err := LoadCurveCertificate(path)
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
			_, err := LoadCurveKey(path)
			wantText(t, err, tt.part, path)
			if strings.Contains(err.Error(), secret[:30]) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	_, err := LoadCurveKey(dir)
	wantText(t, err, "no regular file")
	_, err = LoadCurveCertificate(filepath.Join(dir, "none"))
	wantText(t, err, "none")
	wantText(t, SaveCurveKey(filepath.Join(dir, "zero"), CurveSecretKey{}, nil), "NewCurveKey")
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

// TestKeyFolder lets keys come and go while a server is running.
func TestKeyFolder(t *testing.T) {
	dir := t.TempDir()
	server, ada, bob := curveKey(t), curveKey(t), curveKey(t)
	if err := SaveCurveKey(filepath.Join(dir, "ada"), ada, map[string]string{"role": "admin"}); err != nil {
		t.Fatal(err)
	}
	folder, err := OpenCurveKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0 // look each time
	events := newRecorder()
	names := make(chan *AuthIdentity, 10)
	r := serve(t, Bind("tcp://127.0.0.1:*"), []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		names <- PeerFromContext(ctx).Identity
		return req, nil
	})}, WithSecurity(CurveServer(server, folder.Authenticate)), events.option())
	as := func(k CurveSecretKey) *Conn {
		return dial(t, Connect(r.addr()), WithSecurity(CurveClient(k, server.Public())))
	}
	mustEcho(t, as(ada))
	if id := testkit.Receive(t, names, "an identity"); id == nil || id.Name != "ada" || id.Metadata["role"] != "admin" {
		t.Errorf("the identity is %+v", id)
	}
	as(bob)
	wantText(t, events.wait(t, EventAuthFailed, 1).Err, "not on the list")
	if err := SaveCurveKey(filepath.Join(dir, "bob"), bob, nil); err != nil {
		t.Fatal(err)
	}
	mustEcho(t, as(bob))
	if err := os.Remove(filepath.Join(dir, "ada.key")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "broken.key"), "nothing", 0o600)
	as(ada)
	events.wait(t, EventAuthFailed, 2)
	wantText(t, lastRefusal(events), "not on the list", "broken.key")
	_, err = folder.Authenticate(t.Context(), &AuthRequest{Mechanism: MechanismCurve, PublicKey: ada.Public()})
	wantCode(t, err, CodeUnavailable, "some files could not be read")
	wantText(t, folder.Reload(), "broken.key")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	as(bob)
	events.wait(t, EventAuthFailed, 3)
	wantText(t, lastRefusal(events), "key folder")
	if _, err := OpenCurveKeyFolder(dir); err == nil {
		t.Error("a folder that is not there is opened")
	}
}

// lastRefusal returns why the last peer was refused.
func lastRefusal(r *recorder) (err error) {
	for _, e := range r.all() {
		if e.Kind == EventAuthFailed {
			err = e.Err
		}
	}
	return err
}

func TestKeyList(t *testing.T) {
	ada, bob := curveKey(t).Public(), curveKey(t).Public()
	list := new(CurveKeyList)
	ask := func(k CurvePublicKey) string {
		id, err := list.Authenticate(t.Context(), &AuthRequest{Mechanism: MechanismCurve, PublicKey: k})
		if err != nil {
			return err.Error()
		}
		return id.Name
	}
	if got := ask(ada); got != errUnknownKey.Error() {
		t.Errorf("an empty list says %q", got)
	}
	list.Replace(map[CurvePublicKey]AuthIdentity{ada: {Name: "ada"}})
	if ask(ada) != "ada" || ask(bob) != errUnknownKey.Error() {
		t.Error("the list is not what it was made of")
	}
	list.Replace(map[CurvePublicKey]AuthIdentity{bob: {Name: "bob"}})
	if ask(bob) != "bob" || ask(ada) != errUnknownKey.Error() {
		t.Error("the list is not what replaced it")
	}
	if _, err := list.Authenticate(t.Context(), &AuthRequest{Mechanism: MechanismPlain}); err == nil {
		t.Error("PLAIN gets in without a key")
	}
	if _, err := Passwords(nil)(t.Context(), &AuthRequest{Mechanism: MechanismPlain}); err == nil {
		t.Error("an empty user gets in with an empty password")
	}
	if _, err := Passwords(map[string]string{"": ""})(t.Context(), &AuthRequest{Mechanism: MechanismCurve}); err == nil {
		t.Error("CURVE gets in without a password")
	}
}
