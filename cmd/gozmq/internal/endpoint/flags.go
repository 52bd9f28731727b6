package endpoint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Flags are the flags of every verb that opens a socket.
type Flags struct {
	Verb           string // whose flags they are, as "gozmq call"
	Name           string // of a context
	Bind           bool
	ConnectTimeout time.Duration
	Context        // the values of the flags, without the named context
}

// Register adds the flags to a set.
func (f *Flags) Register(fs *pflag.FlagSet) {
	fs.StringVar(&f.Name, "context", "", "use the endpoints, keys and schema of this named context")
	fs.BoolVar(&f.Bind, "bind", false, "listen on the endpoints instead of connecting to them")
	fs.DurationVar(&f.ConnectTimeout, "connect-timeout", 5*time.Second, "how long to wait until somebody is connected")
	fs.StringVar(&f.Admin, "admin", "", "`ENDPOINT` of the process's admin service")
	RegisterCredentials(fs, &f.Context)
}

// RegisterCredentials adds the flags of credentials to a set.
func RegisterCredentials(fs *pflag.FlagSet, c *Context) {
	fs.StringVar(&c.CurveKey, "curve-key", "", "`FILE` with this side's secret key of CURVE")
	fs.StringVar(&c.CurveServer, "curve-server", "", "the server's public `KEY`, or its certificate file; \"none\" takes the server's role")
	fs.StringVar(&c.CurveAllow, "curve-allow", "", "as CURVE server: `FOLDER` of the public keys that may connect, or \"any\"")
	fs.StringVar(&c.PlainUser, "plain-user", "", "`USER` of PLAIN")
	fs.StringVar(&c.PlainPasswordFile, "plain-password-file", "", "`FILE` with the password of PLAIN")
}

// The environment variables that stand for flags that are not given.
const (
	EnvContext       = "GOZMQ_CONTEXT"
	EnvCurveKey      = "GOZMQ_CURVE_KEY"        // a file
	EnvCurveSecret   = "GOZMQ_CURVE_SECRET_KEY" //nolint:gosec // a name; the key itself, in Z85
	EnvCurveServer   = "GOZMQ_CURVE_SERVER"
	EnvPlainUser     = "GOZMQ_PLAIN_USER"
	EnvPlainPassword = "GOZMQ_PLAIN_PASSWORD" //nolint:gosec // a name
)

// IsEndpoint reports whether an argument is an endpoint.
func IsEndpoint(arg string) bool { return strings.Contains(arg, "://") }

// bareAddress matches an address whose transport was forgotten.
var bareAddress = regexp.MustCompile(`^(localhost|\*|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]|[a-z0-9-]+(\.[a-z0-9-]+)+):\d+$`)

// Resolve returns the target that the flags, the environment and the arguments
// name, and the arguments that are not endpoints. Flags count before the
// environment, and that before the named context. The default context counts only
// where the line names no endpoint, or one of the context's: its credentials are
// not for others.
func (f *Flags) Resolve(env func(string) string, args []string) (*Target, []string, error) {
	t := &Target{verb: f.Verb, Bind: f.Bind, ConnectTimeout: f.ConnectTimeout, Context: f.Context, env: env}
	n := 0
	for n < len(args) && IsEndpoint(args[n]) {
		n++
	}
	if i := slices.IndexFunc(args[n:], IsEndpoint); i >= 0 && n == 0 {
		return nil, nil, fmt.Errorf("endpoint %s comes after %q; write the endpoints first", args[n+i], args[n+i-1])
	}
	t.Endpoints = args[:n]
	if n == 0 && len(args) > 0 && bareAddress.MatchString(args[0]) {
		return nil, nil, fmt.Errorf("%q has no transport; did you mean tcp://%s?", args[0], args[0])
	}
	named, err := f.named(env, append([]string{f.Admin}, t.Endpoints...))
	if err != nil {
		return nil, nil, err
	}
	t.fill(env, named)
	return t, args[n:], nil
}

// named returns the context to use with the endpoints in the line, some of which
// may be ""; the zero value: none.
func (f *Flags) named(env func(string) string, line []string) (Context, error) {
	name := f.Name
	if name == "" {
		name = env(EnvContext)
	}
	all, err := Load(env)
	if err != nil {
		return Context{}, err
	}
	if name != "" {
		return all.Get(name)
	}
	if all.Current == "" {
		return Context{}, nil
	}
	current, err := all.Get(all.Current)
	for _, e := range line {
		if e != "" && e != current.Admin && !slices.Contains(current.Endpoints, e) {
			return Context{}, nil
		}
	}
	return current, err
}

// fill sets the missing values of t from the environment and from the named
// context. Credentials go together: those of a context do not mix with others.
func (t *Target) fill(env func(string) string, named Context) {
	if len(t.Endpoints) == 0 {
		t.Endpoints = named.Endpoints
	}
	first(&t.Admin, named.Admin)
	if t.Image == "" && len(t.Protos) == 0 {
		t.Image, t.Protos, t.Imports = named.Image, named.Protos, named.Imports
	}
	if t.CurveKey == "" && t.PlainUser == "" {
		t.secret = env(EnvCurveSecret) != ""
		if first(&t.CurveKey, env(EnvCurveKey)); t.CurveKey == "" && !t.secret {
			first(&t.CurveKey, named.CurveKey)
		}
		if t.CurveKey == "" && !t.secret && t.CurveServer == "" {
			first(&t.PlainUser, env(EnvPlainUser), named.PlainUser)
		}
	}
	first(&t.CurveServer, env(EnvCurveServer), named.CurveServer)
	first(&t.CurveAllow, named.CurveAllow)
	first(&t.PlainPasswordFile, named.PlainPasswordFile)
}

// first sets *to, if it is empty, to the first value that is not.
func first(to *string, values ...string) {
	for _, v := range values {
		if *to == "" {
			*to = v
		}
	}
}
