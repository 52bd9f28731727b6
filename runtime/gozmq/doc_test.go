package gozmq

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// roleOptions are the columns of doc.go's table of options, in order, each with
// the type of its constructor's options.
var roleOptions = []struct{ column, option string }{
	{"Dial", "DialOption"}, {"Server", "ServerOption"}, {"Publisher", "PublisherOption"}, {"Subscriber", "SubscriberOption"},
	{"Ventilator", "VentilatorOption"}, {"Worker", "WorkerOption"}, {"Sink", "SinkOption"}, {"Proxy", "ProxyOption"},
}

// TestOptionTable checks that doc.go's table names every option of a constructor,
// and marks the constructors that take it.
func TestOptionTable(t *testing.T) {
	options := parseOptions(t)
	doc := options.doc[strings.Index(options.doc, "# Options"):strings.Index(options.doc, "# More")]
	common, table, _ := strings.Cut(doc, "Dial Server Publisher")
	seen := make(map[string]bool)
	for name := range strings.FieldsFuncSeq(common, func(r rune) bool { return strings.ContainsRune(" \n,.", r) }) {
		if strings.HasPrefix(name, "With") {
			seen[name] = true
			if got := options.of[name]; got != "SocketOption" {
				t.Errorf("%s is listed as a SocketOption, and is a %q", name, got)
			}
		}
	}
	header := strings.Index(options.line("Dial Server Publisher"), "Dial")
	for _, row := range strings.Split(table, "\n")[1:] {
		if !strings.HasPrefix(row, "\t") {
			break
		}
		names := strings.TrimSpace(regexp.MustCompile(`( x)+.*$|  .*$`).ReplaceAllString(row, ""))
		for name := range strings.SplitSeq(names, ", ") {
			seen[name] = true
			if got, want := options.marks(row, header), options.roles(name); !slices.Equal(got, want) {
				t.Errorf("%s is marked for %v, and is taken by %v", name, got, want)
			}
		}
	}
	for name := range options.of {
		if len(options.roles(name)) > 0 && !seen[name] && options.of[name] != "Endpoints" {
			t.Errorf("%s is in no row", name)
		}
	}
}

// parsedOptions is what this package's files say of its options.
type parsedOptions struct {
	doc     string
	of      map[string]string   // the type that a function returns, by its name
	extends map[string][]string // the interfaces that an option type consists of
	applies map[string][]string // the types of roles' options that a type is, by its methods
}

func parseOptions(t *testing.T) *parsedOptions {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	p := &parsedOptions{
		doc: regexp.MustCompile(`(?m)^// ?`).ReplaceAllString(string(doc), ""),
		of:  map[string]string{"Endpoints": "Endpoints"}, extends: make(map[string][]string), applies: make(map[string][]string),
	}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, d := range f.Decls {
			p.declare(d)
		}
	}
	return p
}

func (p *parsedOptions) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.IsExported() && d.Type.Results != nil && len(d.Type.Results.List) == 1 {
			if id, ok := d.Type.Results.List[0].Type.(*ast.Ident); ok && (strings.HasSuffix(id.Name, "Option") || id.Name == "Endpoints") {
				p.of[d.Name.Name] = id.Name
			}
		}
		if role, ok := strings.CutPrefix(d.Name.Name, "apply"); ok && d.Recv != nil {
			if id, ok := d.Recv.List[0].Type.(*ast.Ident); ok {
				p.applies[id.Name] = append(p.applies[id.Name], role+"Option")
			}
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if s, ok := s.(*ast.TypeSpec); ok {
				if i, ok := s.Type.(*ast.InterfaceType); ok {
					for _, m := range i.Methods.List {
						if id, ok := m.Type.(*ast.Ident); ok && len(m.Names) == 0 {
							p.extends[s.Name.Name] = append(p.extends[s.Name.Name], id.Name)
						}
					}
				}
			}
		}
	}
}

// line returns the line of doc.go that contains text.
func (p *parsedOptions) line(text string) string {
	at := strings.Index(p.doc, text)
	begin := strings.LastIndex(p.doc[:at], "\n") + 1
	return p.doc[begin : at+strings.IndexByte(p.doc[at:], '\n')]
}

// marks returns the columns in which a row of the table has an x.
func (p *parsedOptions) marks(row string, from int) (columns []string) {
	header := p.line("Dial Server Publisher")
	for i, r := range row {
		if i < from || r != 'x' || row[i-1] != ' ' {
			continue
		}
		for _, role := range roleOptions {
			if at := strings.Index(header, role.column); at <= i && i < at+len(role.column) {
				columns = append(columns, role.column)
			}
		}
	}
	return columns
}

// roles returns the columns of the constructors that take an option.
func (p *parsedOptions) roles(name string) (columns []string) {
	for _, role := range roleOptions {
		if p.is(p.of[name], role.option) {
			columns = append(columns, role.column)
		}
	}
	return columns
}

func (p *parsedOptions) is(option, role string) bool {
	return option == role || slices.Contains(p.applies[option], role) ||
		slices.ContainsFunc(p.extends[option], func(o string) bool { return p.is(o, role) })
}
