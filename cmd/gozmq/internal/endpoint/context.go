// Package endpoint turns flags, the environment and named contexts into the
// endpoints and the security of a socket. No secret is on the command line or in
// the package's output.
package endpoint

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/yamlfile"
)

// A Context is a system to talk to: its endpoints, this side's credentials, and
// where its schema is. Paths are absolute.
type Context struct {
	Endpoints []string `json:"endpoints,omitempty" yaml:"endpoints,omitempty"`
	// Admin is the endpoint of the admin service of the process.
	Admin string `json:"admin,omitempty" yaml:"admin,omitempty"`
	// CurveKey is the file of this side's secret key, CurveServer the server's
	// public key or its file.
	CurveKey    string `json:"curveKey,omitempty"    yaml:"curve-key,omitempty"`
	CurveServer string `json:"curveServer,omitempty" yaml:"curve-server,omitempty"`
	// CurveAllow is a folder of the public keys that may connect here; "any": all.
	CurveAllow string `json:"curveAllow,omitempty" yaml:"curve-allow,omitempty"`
	PlainUser  string `json:"plainUser,omitempty"  yaml:"plain-user,omitempty"`
	// PlainPasswordFile is the file of PlainUser's password.
	PlainPasswordFile string   `json:"plainPasswordFile,omitempty" yaml:"plain-password-file,omitempty"`
	Image             string   `json:"image,omitempty"             yaml:"image,omitempty"`
	Protos            []string `json:"protos,omitempty"            yaml:"protos,omitempty"`
	Imports           []string `json:"imports,omitempty"           yaml:"imports,omitempty"`
}

// Contexts are the named contexts of a user.
type Contexts struct {
	// Current is used where no other is named; "": none.
	Current  string             `yaml:"current,omitempty"`
	Contexts map[string]Context `yaml:"contexts,omitempty"`

	path string
}

// Path returns where the contexts are: $XDG_CONFIG_HOME/gozmq/contexts.yaml, or
// in ~/.config where that is not set.
func Path(env func(string) string) (string, error) {
	dir := env("XDG_CONFIG_HOME")
	if dir == "" {
		home := env("HOME")
		if home == "" {
			var err error
			if home, err = os.UserHomeDir(); err != nil {
				return "", err
			}
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "gozmq", "contexts.yaml"), nil
}

// Load reads the contexts. A file that is not there has none.
func Load(env func(string) string) (*Contexts, error) {
	path, err := Path(env)
	if err != nil {
		return nil, err
	}
	c := &Contexts{path: path}
	if err := yamlfile.Read(path, c); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w; mend or remove the file", err)
	}
	if c.Contexts == nil {
		c.Contexts = map[string]Context{}
	}
	return c, nil
}

// Save writes the contexts, for their owner alone.
func (c *Contexts) Save() error {
	b, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), ".contexts-*") // has mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Names returns the names of the contexts, sorted.
func (c *Contexts) Names() []string { return slices.Sorted(maps.Keys(c.Contexts)) }

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName returns an error where name cannot be a context's.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("context name %q: use 1 to 64 letters, digits, and any of \"-_.\"", name)
	}
	return nil
}

// Get returns the context of that name.
func (c *Contexts) Get(name string) (Context, error) {
	if x, ok := c.Contexts[name]; ok {
		return x, nil
	}
	if len(c.Contexts) == 0 {
		return Context{}, fmt.Errorf("there is no context %q, and no other; make one with gozmq context add", name)
	}
	return Context{}, fmt.Errorf("there is no context %q; there are %v", name, c.Names())
}
