package interop

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/runtime/gozmqzap"
)

// TestZAP has a ZAP handler in Python decide on our peers.
func TestZAP(t *testing.T) {
	leakChecked(t)
	python(t)
	server, ada, bob := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	adas := ada.Public()
	handler := newProbe(t, "DEALER", nil)
	handler.zap([]string{hex.EncodeToString(adas[:])}, map[string]string{"ada": "lovelace"})
	handler.command("zap_at", anyPort)
	var at string
	handler.next("zap_at", &at)
	zap, err := gozmqzap.Dial(gozmq.Connect(at))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, zap)
	for _, tt := range []struct {
		name           string
		server, client gozmq.Security
		refused        string // "" for a peer that gets in
	}{
		{"CURVE", gozmqcurve.Server(server, zap.Authenticate), gozmqcurve.Client(ada, server.Public()), ""},
		{"CURVE refused", gozmqcurve.Server(server, zap.Authenticate), gozmqcurve.Client(bob, server.Public()), `the ZAP handler says "judged"`},
		{"PLAIN", gozmq.PlainServer(zap.Authenticate), gozmq.PlainClient("ada", "lovelace"), ""},
		{"PLAIN refused", gozmq.PlainServer(zap.Authenticate), gozmq.PlainClient("ada", "Lovelace"), `the ZAP handler says "judged"`},
		{"NULL", gozmq.NullServer(zap.Authenticate), gozmq.NullClient(), ""},
		{"later", gozmq.PlainServer(zap.Authenticate).WithDomain("later"), gozmq.PlainClient("ada", "lovelace"), "could not decide: 300"},
		{"broken", gozmq.PlainServer(zap.Authenticate).WithDomain("broken"), gozmq.PlainClient("ada", "lovelace"), "could not decide: 500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := make(eventLog, 1000)
			addrs := serveGreeter(t, gozmq.Bind(anyPort), &greeter{}, gozmq.WithSecurity(tt.server), events.option())
			client, _ := dialGreeter(t, gozmq.Connect(addrs...), gozmq.WithSecurity(tt.client))
			if tt.refused == "" {
				greet(t, client, "World", "Hello, World!")
				return
			}
			if text := events.wait(t, gozmq.EventAuthFailed); !strings.Contains(text, tt.refused) {
				t.Errorf("the event says %q, want %q", text, tt.refused)
			}
		})
	}
}

// TestCertificatesOfPython has pyzmq read our certificates and us read pyzmq's.
func TestCertificatesOfPython(t *testing.T) {
	interpreter := python(t)
	dir := t.TempDir()
	k := gozmqtest.CurveKey(t)
	if err := gozmqcurve.SaveKey(filepath.Join(dir, "ours"), k, map[string]string{"name": "Ada Lovelace"}); err != nil {
		t.Fatal(err)
	}
	const script = `
import sys, zmq.auth
d = sys.argv[1]
for name in ("ours.key", "ours.key_secret"):
    public, secret = zmq.auth.load_certificate(d + "/" + name)
    print(public.decode(), secret.decode() if secret else "-")
zmq.auth.create_certificates(d, "theirs")
public, secret = zmq.auth.load_certificate(d + "/theirs.key_secret")
print(public.decode(), secret.decode())
print(b" ".join(sorted(zmq.auth.load_certificates(d))).decode())
`
	out, err := exec.Command(interpreter, "-c", script, dir).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 4 {
		t.Fatalf("%v\n%s", err, out)
	}
	public := k.Public().String()
	if lines[0] != public+" -" || lines[1] != public+" "+k.Z85() {
		t.Error("pyzmq reads other keys than we wrote")
	}
	if err := os.Chmod(filepath.Join(dir, "theirs.key_secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	theirs, err := gozmqcurve.LoadKey(filepath.Join(dir, "theirs.key_secret"))
	if err != nil || lines[2] != theirs.Public().String()+" "+theirs.Z85() {
		t.Errorf("we read other keys than pyzmq wrote: %v", err)
	}
	c, err := gozmqcurve.LoadCertificate(filepath.Join(dir, "theirs.key"))
	if err != nil || c.PublicKey != theirs.Public() {
		t.Errorf("the certificate is %+v, %v", c, err)
	}
}
