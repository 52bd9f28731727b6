package conformance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// results says of each property in which columns its test ran and passed.
type results map[string]columns

func TestConformance(t *testing.T) {
	peers := newPeers(t)
	passed := results{}
	for _, p := range properties() {
		if p.test == nil {
			continue
		}
		t.Run(p.path(), func(t *testing.T) {
			for _, at := range peers.envs() {
				if p.on&at.column == 0 {
					continue
				}
				ran := false
				good := t.Run(at.path(), func(t *testing.T) {
					at.available(t)
					p.test(t, at)
					ran = true
				})
				if good && ran {
					passed[p.title()] |= at.column
				}
			}
		})
	}
	checkDocument(t, passed)
}

// TestTable checks that each line of the table has a test or a reason, and that
// each test stands in the table.
func TestTable(t *testing.T) {
	used := map[string]bool{}
	titles := map[string]*property{}
	for _, p := range properties() {
		if titles[p.title()] != nil {
			t.Errorf("%s: is there twice", p.title())
		}
		titles[p.title()] = &p
		if strings.ContainsAny(p.name, "/|") || p.text == "" {
			t.Errorf("%s: needs a name without / and | and a text", p.title())
		}
		if p.test != nil {
			used[functionName(p.test)] = true
		}
	}
	for _, p := range titles {
		p.check(t, titles)
	}
	for name := range tests(t) {
		if !used[name] {
			t.Errorf("%s: no property names it", name)
		}
	}
}

func (p *property) check(t *testing.T, titles map[string]*property) {
	ways := 0
	for _, way := range []bool{p.test != nil, p.like != "", p.why != ""} {
		if way {
			ways++
		}
	}
	if ways != 1 {
		t.Errorf("%s: want either a test, or the name of a property with one, or a reason", p.title())
	}
	if (p.test != nil) != (p.on != 0) {
		t.Errorf("%s: a test needs columns, and columns a test", p.title())
	}
	if p.like != "" && (titles[p.like] == nil || titles[p.like].test == nil) {
		t.Errorf("%s: %q is no property with a test", p.title(), p.like)
	}
}

func functionName(f any) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:]
}

// tests returns the names of the functions of this package that take a
// *testing.T and a *env, and return nothing.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && isTest(f) {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}

func isTest(f *ast.FuncDecl) bool {
	if f.Recv != nil || f.Type.Results != nil || f.Type.Params.NumFields() != 2 {
		return false
	}
	second, ok := f.Type.Params.List[len(f.Type.Params.List)-1].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := second.X.(*ast.Ident)
	return ok && name.Name == "env"
}
