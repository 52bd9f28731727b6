package gozmqcurve

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// TestSecretsAreNotPrinted prints everything that holds a secret in every way.
func TestSecretsAreNotPrinted(t *testing.T) {
	k := newKey(t)
	const password = "correct horse battery"
	security := []gozmq.Security{Server(k, gozmq.AllowAny), Client(k, newKey(t).Public()), gozmq.PlainClient("ada", password)}
	r := gozmq.AuthRequest{Mechanism: gozmq.MechanismPlain, User: "ada", Password: password}
	type holder struct {
		K    SecretKey
		k    *SecretKey
		S    []gozmq.Security
		s    gozmq.Security
		R    gozmq.AuthRequest
		with gozmq.Endpoints
	}
	h := holder{k, &k, security, security[2], r, gozmq.Bind("x").Secured(security[2])}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t"} {
		for _, v := range []any{k, &k, security, r, &r, h, &h, []any{h}, map[string]any{"h": h}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("it", "k", k, "pk", &k, "s", security, "r", r, "pr", &r, "h", h)
	}
	for _, v := range []any{k, &k, r, h} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		out.Write(b)
	}
	raw := k.Bytes()
	for what, secret := range map[string]string{
		"in Z85": k.Z85(), "in hex": hex.EncodeToString(raw), "in capital hex": strings.ToUpper(hex.EncodeToString(raw)),
		"as numbers": strings.Trim(fmt.Sprint(raw), "[]"), "in Go": strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}"),
		"as it is": string(raw), "the password": password, "the password in hex": hex.EncodeToString([]byte(password)),
		"the password as numbers": strings.Trim(fmt.Sprint([]byte(password)), "[]"),
	} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the secret was printed %s", what)
		}
	}
	if !strings.Contains(out.String(), "[security: PLAIN client]") {
		t.Error("a Security does not say what it is")
	}
}

func TestKeys(t *testing.T) {
	k := newKey(t)
	for name, parse := range map[string]func() (SecretKey, error){
		"Z85":             func() (SecretKey, error) { return ParseSecretKey(k.Z85()) },
		"Z85 with spaces": func() (SecretKey, error) { return ParseSecretKey(" " + k.Z85() + "\n") },
		"bytes":           func() (SecretKey, error) { return ParseSecretKey(k.Bytes()) },
		"environment": func() (SecretKey, error) {
			t.Setenv("GOZMQ_TEST_KEY", k.Z85())
			return SecretKeyFromEnv("GOZMQ_TEST_KEY")
		},
	} {
		if got, err := parse(); err != nil || !got.Equal(k) || got.Public() != k.Public() {
			t.Errorf("%s: %v", name, err)
		}
	}
	public, err := ParsePublicKey(k.Public().String())
	if err != nil || public != k.Public() {
		t.Errorf("public key: %v", err)
	}
	var text gozmq.PublicKey
	if b, _ := json.Marshal(k.Public()); json.Unmarshal(b, &text) != nil || text != k.Public() {
		t.Errorf("%s does not come back", b)
	}
	for name, err := range map[string]error{
		"short":          second(ParseSecretKey("abc")),
		"not Z85":        second(ParseSecretKey(strings.Repeat("\\", 40))),
		"zero":           second(ParseSecretKey(make([]byte, 32))),
		"no variable":    second(SecretKeyFromEnv("GOZMQ_NO_SUCH_VARIABLE")),
		"zero public":    second(ParsePublicKey(make([]byte, 32))),
		"low order":      second(ParsePublicKey(append([]byte{1}, make([]byte, 31)...))),
		"short public":   second(ParsePublicKey("abc")),
		"JSON of a list": json.Unmarshal([]byte(`"abc"`), &text),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		} else if strings.Contains(err.Error(), `\\\\`) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	var zero SecretKey
	if zero.Public() != (gozmq.PublicKey{}) || zero.Bytes() != nil || zero.Z85() != "" || !zero.Equal(SecretKey{}) || zero.Equal(k) {
		t.Error("the zero key is not empty")
	}
}

func second[T any](_ T, err error) error { return err }
