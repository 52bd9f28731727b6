package docs

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// preamble declares what the README's code has from its reader.
const preamble = `package readme

import (
	"context"
	"iter"

	"github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

type (
	greeter  struct{ greetv1gozmq.UnimplementedGreeterServer }
	renderer struct{ imagev1gozmq.UnimplementedPrintsWorker }
	room     struct{}
)

var (
	ctx    context.Context
	err    error
	line   *chatv1.Line
	task   *imagev1.RenderTask
)
`

// TestReadme checks that the README's Go code compiles: each of its blocks, and
// within a block what stands under a comment such as "// server".
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile(`(?m)^// (server|client|publisher|subscriber|ventilator|worker.*|sink)$`)
	var b strings.Builder
	b.WriteString(preamble)
	parts := 0
	for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		for _, code := range part.Split(strings.ReplaceAll(m[1], "{ ... }", "{ }"), -1) {
			body, method, _ := strings.Cut(code, "\nfunc ")
			if strings.TrimSpace(body) == "" {
				continue
			}
			parts++
			client := ""
			if strings.Contains(body, "client.Watch") {
				client = "\tvar client chatv1gozmq.RoomClient\n"
			}
			fmt.Fprintf(&b, "func part%d() {\n%s%s\n}\n", parts, client, body)
			if method != "" {
				b.WriteString("\nfunc " + method)
			}
		}
	}
	if parts < 8 {
		t.Errorf("found %d parts, want more", parts)
	}
	check(t, b.String())
}

// check checks the types of a file. Variables and imports that are not used are no
// fault.
func check(t *testing.T, source string) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "readme.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{
		Importer: importer.ForCompiler(files, "gc", exports(t)),
		Error: func(err error) {
			if e, ok := err.(types.Error); ok && !e.Soft {
				t.Errorf("%v\n%s", err, strings.Split(source, "\n")[e.Fset.Position(e.Pos).Line-1])
			}
		},
	}
	_, _ = config.Check("readme", files, []*ast.File{f}, nil)
}

// exports returns what finds the compiled form of the packages that the examples
// import.
func exports(t *testing.T) importer.Lookup {
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "../../example/gen/...")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) == 2 {
			paths[fields[0]] = fields[1]
		}
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(paths[path]) }
}
