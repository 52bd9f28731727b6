package runtime_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// aboveWire are the folders that leave the counting of frames to
// runtime/internal/wire.
var aboveWire = []string{"gozmq", "gozmqimpl", "gozmqhealth", "gozmqdescribe", "internal/pipeline", "internal/subscription", "internal/relay"}

// TestFramesAreCountedInWire finds the len of a variable of type [][]byte, or of
// what Batch.Message returns, in the code above wire: what a message consists of
// is known in wire alone.
func TestFramesAreCountedInWire(t *testing.T) {
	files := 0
	for _, folder := range aboveWire {
		err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files++
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, folder+"/"+name, nil, 0)
			if err != nil {
				return err
			}
			for _, pos := range countedFrames(file) {
				t.Errorf("%s counts frames: let runtime/internal/wire do it", set.Position(pos))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files == 0 {
		t.Fatal("found no files")
	}
}

// TestCountedFrames holds countedFrames to what it is to find.
func TestCountedFrames(t *testing.T) {
	for src, want := range map[string]int{
		"func f(frames [][]byte) int { return len(frames) }":            1,
		"func f(b [][]byte) { if len(b) != 2 { return } }":              1,
		"func f(b batch) int { return len(b.Message(0)) }":              1,
		"func f() { var list [][]byte; _ = len(list) }":                 1,
		"func f(frames [][]byte) int { return len(frames[0]) }":         0,
		"func f(names []string, body []byte) int { return len(names) }": 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+src, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(countedFrames(file)); n != want {
			t.Errorf("%s: found %d, want %d", src, n, want)
		}
	}
}

// countedFrames returns where a file takes the length of frames.
func countedFrames(file *ast.File) (found []token.Pos) {
	for _, decl := range file.Decls {
		frames := framesIn(decl)
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "len" {
				return true
			}
			switch arg := call.Args[0].(type) {
			case *ast.Ident:
				if slices.Contains(frames, arg.Name) {
					found = append(found, call.Pos())
				}
			case *ast.CallExpr:
				if s, ok := arg.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Message" {
					found = append(found, call.Pos())
				}
			}
			return true
		})
	}
	return found
}

// framesIn returns the names that a declaration gives to values of type [][]byte.
func framesIn(decl ast.Decl) (names []string) {
	add := func(idents []*ast.Ident, of ast.Expr) {
		if isFrames(of) {
			for _, i := range idents {
				names = append(names, i.Name)
			}
		}
	}
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			add(n.Names, n.Type)
		case *ast.ValueSpec:
			add(n.Names, n.Type)
		}
		return true
	})
	return names
}

// isFrames reports whether a type is [][]byte.
func isFrames(e ast.Expr) bool {
	outer, ok := e.(*ast.ArrayType)
	if !ok || outer.Len != nil {
		return false
	}
	inner, ok := outer.Elt.(*ast.ArrayType)
	if !ok || inner.Len != nil {
		return false
	}
	name, ok := inner.Elt.(*ast.Ident)
	return ok && name.Name == "byte"
}
