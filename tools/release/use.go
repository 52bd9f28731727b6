package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// A goCommand runs go against the proxy, with a module cache of its own: no
// other may ever learn of versions that are not tagged.
type goCommand struct{ env []string }

func newGoCommand(work, proxyDir string) (*goCommand, error) {
	out, err := exec.Command("go", "env", "GOPROXY", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	proxies, cache, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	downloaded := filepath.Join(cache, "cache", "download") // has the form of a proxy
	return &goCommand{env: append(os.Environ(),
		"GOPROXY="+strings.Join([]string{fileURL(proxyDir), fileURL(downloaded), proxies}, ","),
		"GONOSUMDB="+root+","+root+"/*", "GOFLAGS=-modcacherw -trimpath", "GOWORK=off",
		"GOMODCACHE="+filepath.Join(work, "mod"), "GOBIN="+filepath.Join(work, "bin"),
	)}, nil
}

func fileURL(dir string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(dir), "/")
}

func (g *goCommand) run(dir string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, g.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// A user is a program that uses some of the modules.
type user struct {
	name    string
	imports []string
	tools   []string
	// requires are the modules that its go.mod comes to require.
	requires []string
	// tested are those of ofTests of which a module that is not ours leaves a
	// checksum, because its own tests need them.
	tested []string
}

// fromRuntime are the modules that every user of the runtime gets. zmq4 imports
// goczmq in a file with a build tag that nobody sets; go mod tidy looks at all
// tags, so goczmq is listed, and never compiled.
var fromRuntime = []string{
	root,
	"github.com/go-zeromq/goczmq/v4",
	"github.com/go-zeromq/zmq4",
	"golang.org/x/crypto",
	"golang.org/x/sync",
	"golang.org/x/sys",
	"golang.org/x/text",
	"google.golang.org/protobuf",
}

var users = []user{
	{name: "runtime", imports: []string{root + "/runtime/gozmq", root + "/runtime/gozmqhealth"}, requires: fromRuntime},
	{name: "tests", imports: []string{root + "/runtime/gozmq", root + "/runtime/gozmqtest"}, requires: fromRuntime},
	{
		name: "plugin", imports: []string{root + "/runtime/gozmq"},
		tools:    []string{root + "/cmd/protoc-gen-gozmq", "google.golang.org/protobuf/cmd/protoc-gen-go"},
		requires: fromRuntime,
	},
	{
		name: "store", imports: []string{root + "/runtime/gozmq", root + "/stores/gozmqbolt"},
		requires: append([]string{root + "/stores/gozmqbolt", "go.etcd.io/bbolt"}, fromRuntime...),
		tested:   []string{"github.com/stretchr/testify"}, // by bbolt
	},
	{
		name: "database", imports: []string{root + "/runtime/gozmq", root + "/stores/gozmqpostgres"},
		requires: append([]string{
			root + "/stores/gozmqpostgres", "github.com/jackc/pgx/v5",
			// pgx requires the others.
			"github.com/jackc/pgpassfile", "github.com/jackc/pgservicefile", "github.com/jackc/puddle/v2",
		}, fromRuntime...),
		tested: []string{"github.com/stretchr/testify"}, // by pgx
	},
	{
		name: "check", imports: []string{root + "/proto"},
		tools: []string{root + "/buf-plugin-gozmq"},
		requires: []string{
			root, root + "/buf-plugin-gozmq", "buf.build/go/bufplugin",
			// bufplugin requires the others.
			"buf.build/gen/go/bufbuild/bufplugin/protocolbuffers/go",
			"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go",
			"buf.build/gen/go/pluginrpc/pluginrpc/protocolbuffers/go",
			"buf.build/go/protovalidate", "buf.build/go/spdx", "cel.dev/expr",
			"github.com/antlr4-go/antlr/v4", "github.com/google/cel-go",
			"github.com/mattn/go-isatty", "github.com/spf13/pflag",
			"golang.org/x/exp", "golang.org/x/sys", "golang.org/x/text",
			"google.golang.org/genproto/googleapis/api", "google.golang.org/genproto/googleapis/rpc",
			"google.golang.org/protobuf", "pluginrpc.com/pluginrpc",
		},
		tested: []string{"github.com/bufbuild/protocompile", "github.com/stretchr/testify"}, // by bufplugin
	},
	{
		name: "codec", imports: []string{root + "/runtime/gozmq", root + "/codecs/gozmqvt"},
		requires: append([]string{root + "/codecs/gozmqvt"}, fromRuntime...),
	},
	{
		name: "telemetry", imports: []string{root + "/runtime/gozmq", root + "/telemetry/gozmqotel"},
		requires: append([]string{
			root + "/telemetry/gozmqotel",
			"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/metric", "go.opentelemetry.io/otel/trace",
			"go.opentelemetry.io/auto/sdk", "github.com/cespare/xxhash/v2", "github.com/go-logr/logr", "github.com/go-logr/stdr", // by otel
		}, fromRuntime...),
		tested: []string{"github.com/stretchr/testify"}, // by otel
	},
}

// ofTests are modules that tests like to use, and that must not even leave a
// checksum with a user.
var ofTests = []string{"go.uber.org/goleak", "github.com/bufbuild/protocompile", "github.com/stretchr/testify", "go.opentelemetry.io/otel/sdk"}

// use writes each user's module into a folder of dir, and checks it. Then it
// installs the commands.
func use(g *goCommand, dir, version string) error {
	for _, u := range users {
		if err := u.check(g, filepath.Join(dir, u.name)); err != nil {
			return fmt.Errorf("user of %s: %w", u.name, err)
		}
	}
	for _, command := range []string{"protoc-gen-gozmq", "gozmq"} {
		if err := g.run(dir, "install", root+"/cmd/"+command+"@"+version); err != nil {
			return err
		}
	}
	return nil
}

func (u user) check(g *goCommand, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("package main\n\nimport (\n")
	for _, path := range u.imports {
		fmt.Fprintf(&text, "\t_ %q\n", path)
	}
	text.WriteString(")\n\nfunc main() {}\n")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	commands := [][]string{{"mod", "init", "example.com/user"}}
	for _, tool := range u.tools {
		commands = append(commands, []string{"get", "-tool", tool})
	}
	commands = append(commands, []string{"mod", "tidy"}, []string{"build", "-o", os.DevNull, "."})
	for _, args := range commands {
		if err := g.run(dir, args...); err != nil {
			return err
		}
	}
	return u.checkRequirements(filepath.Join(dir, "go.mod"))
}

// checkRequirements compares what a go.mod requires with what it is to require.
func (u user) checkRequirements(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	mod, err := modfile.Parse(path, text, nil)
	if err != nil {
		return err
	}
	var got []string
	for _, r := range mod.Require {
		got = append(got, r.Mod.Path)
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(u.requires))
	if !slices.Equal(got, want) {
		return fmt.Errorf("go.mod requires\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	others, err := onlySummed(filepath.Join(filepath.Dir(path), "go.sum"), got)
	if err != nil {
		return err
	}
	fmt.Printf("a user of %s requires %d modules; go.sum also names %s\n", u.name, len(got), strings.Join(others, ", "))
	for _, mod := range others {
		if slices.Contains(ofTests, mod) && !slices.Contains(u.tested, mod) {
			return fmt.Errorf("go.sum names %s, which only tests need", mod)
		}
	}
	return nil
}

// onlySummed returns the modules that a go.sum names and a go.mod does not
// require.
func onlySummed(path string, required []string) (others []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		mod, _, _ := strings.Cut(line, " ")
		if !slices.Contains(required, mod) && !slices.Contains(others, mod) {
			others = append(others, mod)
		}
	}
	return others, nil
}
