package endpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

// environment returns an environment with contexts: prod, which has PLAIN and is
// the default, and dev.
func environment(t *testing.T, more map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	env := func(name string) string {
		if name == "XDG_CONFIG_HOME" {
			return dir
		}
		return more[name]
	}
	all, err := Load(env)
	if err != nil {
		t.Fatal(err)
	}
	all.Current = "prod"
	all.Contexts["prod"] = Context{Endpoints: []string{"tcp://prod:1"}, Admin: "tcp://prod:2", PlainUser: "ada", PlainPasswordFile: filepath.Join(dir, "password")}
	all.Contexts["dev"] = Context{Endpoints: []string{"tcp://dev:1"}, Protos: []string{"a.proto"}}
	if err := all.Save(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return env
}

func TestResolve(t *testing.T) {
	tests := []struct {
		name      string
		flags     Flags
		env       map[string]string
		args      []string
		endpoints string
		rest      string
		user      string
		fails     string
	}{
		{name: "default context", args: []string{"Method"}, endpoints: "tcp://prod:1", rest: "Method", user: "ada"},
		{name: "its endpoint in the line", args: []string{"tcp://prod:1"}, endpoints: "tcp://prod:1", user: "ada"},
		{name: "its admin in the line", args: []string{"tcp://prod:2"}, endpoints: "tcp://prod:2", user: "ada"},
		{name: "another endpoint gets no credentials", args: []string{"tcp://other:1", "Method", "{}"}, endpoints: "tcp://other:1", rest: "Method {}"},
		{name: "one more endpoint gets no credentials", args: []string{"tcp://prod:1", "tcp://other:1"}, endpoints: "tcp://prod:1 tcp://other:1"},
		{name: "another admin gets no credentials", flags: Flags{Context: Context{Admin: "tcp://other:2"}}},
		{name: "named context, another endpoint", flags: Flags{Name: "prod"}, args: []string{"tcp://other:1"}, endpoints: "tcp://other:1", user: "ada"},
		{name: "context of the environment", env: map[string]string{EnvContext: "dev"}, endpoints: "tcp://dev:1"},
		{name: "flag before the environment", flags: Flags{Name: "dev"}, env: map[string]string{EnvContext: "prod"}, endpoints: "tcp://dev:1"},
		{name: "user of the environment", flags: Flags{Name: "dev"}, env: map[string]string{EnvPlainUser: "bob"}, endpoints: "tcp://dev:1", user: "bob"},
		{name: "key in place of the context's user", flags: Flags{Context: Context{CurveKey: "k"}}, endpoints: "tcp://prod:1"},
		{name: "secret in place of the context's user", env: map[string]string{EnvCurveSecret: "k"}, endpoints: "tcp://prod:1"},
		{name: "no such context", flags: Flags{Name: "test"}, fails: `there is no context "test"; there are [dev prod]`},
		{name: "endpoint behind", args: []string{"Method", "tcp://a:1"}, fails: "write the endpoints first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, rest, err := tt.flags.Resolve(environment(t, tt.env), tt.args)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(target.Endpoints, " "); got != tt.endpoints || strings.Join(rest, " ") != tt.rest || target.PlainUser != tt.user {
				t.Errorf("got %q, %q, user %q", got, rest, target.PlainUser)
			}
		})
	}
}

func TestSecurity(t *testing.T) {
	tests := []struct {
		name  string
		flags Flags
		env   map[string]string
		want  string // of the mechanism and the role; "": none
		fails string
	}{
		{name: "none", flags: Flags{Name: "dev"}},
		{name: "PLAIN", flags: Flags{}, want: "[security: PLAIN client]"},
		{name: "PLAIN server", flags: Flags{Bind: true}, want: "[security: PLAIN server]"},
		{name: "both", flags: Flags{Context: Context{CurveServer: "x", PlainUser: "ada"}}, fails: "both CURVE and PLAIN"},
		{name: "no password", flags: Flags{Name: "dev", Context: Context{PlainUser: "ada"}}, fails: "PLAIN needs a password"},
		{name: "no such file", flags: Flags{Name: "dev", Context: Context{CurveKey: "none", CurveServer: "x"}}, fails: "make a key with gozmq keygen"},
		{
			name: "CURVE with a new key", flags: Flags{Name: "dev", Context: Context{CurveServer: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"}},
			want: "[security: CURVE client]",
		},
		{
			name: "CURVE of the environment", flags: Flags{Name: "dev"},
			env:  map[string]string{EnvCurveSecret: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs", EnvCurveServer: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"},
			want: "[security: CURVE client]",
		},
		{
			name: "CURVE server", flags: Flags{Name: "dev", Bind: true, Context: Context{CurveAllow: "any"}},
			env: map[string]string{EnvCurveSecret: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"}, want: "[security: CURVE server]",
		},
		{
			name: "CURVE server for nobody", flags: Flags{Name: "dev", Bind: true},
			env: map[string]string{EnvCurveSecret: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"}, fails: "--curve-allow",
		},
		{name: "CURVE server without a key", flags: Flags{Name: "dev", Bind: true, Context: Context{CurveServer: "none", CurveAllow: "any"}}, fails: "--curve-key"},
		{name: "no key of the server", flags: Flags{Name: "dev", Context: Context{CurveServer: "short"}}, fails: "neither a key of 40 characters nor a certificate"},
		{name: "malformed secret", env: map[string]string{EnvCurveSecret: "topsecret"}, flags: Flags{Context: Context{CurveServer: "x"}}, fails: EnvCurveSecret},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, _, err := tt.flags.Resolve(environment(t, tt.env), nil)
			if err != nil {
				t.Fatal(err)
			}
			s, err := target.Security()
			switch {
			case tt.fails != "":
				if err == nil || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), "topsecret") {
					t.Errorf("got %v", err)
				}
			case err != nil:
				t.Error(err)
			case s == nil:
				if tt.want != "" {
					t.Error("there is no security")
				}
			default:
				if got := fmt.Sprint(*s); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
		})
	}
}

func TestContextsFile(t *testing.T) {
	env := environment(t, nil)
	path, err := Path(env)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	all, err := Load(env)
	if err != nil || !slices.Equal(all.Names(), []string{"dev", "prod"}) {
		t.Errorf("%v, %v", all, err)
	}
	if err := os.WriteFile(path, []byte("current: x\nsurprise: y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(env); err == nil || !strings.Contains(err.Error(), "surprise") {
		t.Errorf("a field that is not known is taken: %v", err)
	}
	for name, ok := range map[string]bool{"a": true, "a-b_c.1": true, "": false, "-a": false, "a b": false, "a/b": false, strings.Repeat("a", 65): false} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A certificate's path that could be a key, too, is a path.
func TestPathLikeAKey(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "gozmq-")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	key, err := gozmqcurve.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, strings.Repeat("k", max(1, 40-len(dir)-len("/.key"))))
	if err := gozmqcurve.SaveKey(path, key, nil); err != nil {
		t.Fatal(err)
	}
	if path += ".key"; len(path) != 40 {
		t.Fatalf("the path has %d characters", len(path))
	}
	if got, err := publicKey(path); err != nil || got != key.Public() {
		t.Errorf("got %s, %v, want %s", got, err, key.Public())
	}
	if got, err := publicKey(key.Public().String()); err != nil || got != key.Public() {
		t.Errorf("got %s, %v, want %s", got, err, key.Public())
	}
}
