package generator_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/pluginpb"
)

// A checker type-checks generated packages without writing them anywhere. What
// they import from outside comes from the go command's build cache.
type checker struct {
	t       *testing.T
	fset    *token.FileSet
	sources map[string][]*ast.File // by import path
	done    map[string]*types.Package
	outside types.Importer
	errors  int
}

// newChecker parses generated files. Their names start with the import path of
// their package, as they do without paths=source_relative.
func newChecker(t *testing.T, files []*pluginpb.CodeGeneratorResponse_File) *checker {
	t.Helper()
	c := &checker{t: t, fset: token.NewFileSet(), sources: map[string][]*ast.File{}, done: map[string]*types.Package{}}
	for _, f := range files {
		parsed, err := parser.ParseFile(c.fset, f.GetName(), f.GetContent(), parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		c.sources[path.Dir(f.GetName())] = append(c.sources[path.Dir(f.GetName())], parsed)
	}
	exports, err := exportData()
	if err != nil {
		t.Fatal(err)
	}
	c.outside = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no package %q", path)
		}
		return os.Open(file)
	})
	return c
}

// checkAll type-checks every package and reports all errors, up to a limit.
func (c *checker) checkAll() {
	for p := range c.sources {
		if _, err := c.Import(p); err != nil {
			c.t.Error(err)
		}
	}
}

// Import implements types.Importer.
func (c *checker) Import(p string) (*types.Package, error) {
	files, ours := c.sources[p]
	if !ours {
		return c.outside.Import(p)
	}
	if pkg := c.done[p]; pkg != nil {
		return pkg, nil
	}
	conf := types.Config{Importer: c, Error: func(err error) {
		if c.errors++; c.errors <= 20 {
			c.t.Error(err)
		}
	}}
	pkg, _ := conf.Check(p, c.fset, files, nil)
	c.done[p] = pkg
	return pkg, nil
}

// exportData finds the compiled form of everything that generated code may
// import.
var exportData = sync.OnceValues(func() (map[string]string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{if .Export}}{{.ImportPath}} {{.Export}}{{end}}",
		"github.com/gozmq/gozmq/runtime/gozmq", "github.com/gozmq/gozmq/runtime/gozmqimpl", "github.com/gozmq/gozmq/proto/gozmq/v1/annotations",
		"google.golang.org/protobuf/runtime/protoimpl", "google.golang.org/protobuf/types/known/emptypb")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, stderr.String())
	}
	exports := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if importPath, file, ok := strings.Cut(line, " "); ok {
			exports[importPath] = file
		}
	}
	return exports, nil
})
