package render

import (
	"fmt"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// The packages that generated code uses, apart from the messages' packages.
const (
	contextPackage = protogen.GoImportPath("context")
	iterPackage    = protogen.GoImportPath("iter")
	timePackage    = protogen.GoImportPath("time")
	runtimePackage = protogen.GoImportPath("github.com/gozmq/gozmq/runtime/gozmq")
	implPackage    = protogen.GoImportPath("github.com/gozmq/gozmq/runtime/gozmqimpl")
	storePackage   = protogen.GoImportPath("github.com/gozmq/gozmq/runtime/gozmqstore")
)

// locals are the names of parameters, receivers and variables in generated
// code; they would shadow an import of the same name.
var locals = [...]string{
	"c", "caller", "ctx", "desc", "err", "f", "filters", "impl", "in", "m", "msg",
	"opts", "out", "p", "pub", "r", "req", "s", "sink", "sub", "task", "topic", "v",
	"vent", "w",
}

// imports gives each imported package a name within one file.
type imports struct {
	self  protogen.GoImportPath
	known map[protogen.GoImportPath]protogen.GoPackageName
	names map[protogen.GoImportPath]string
	taken map[string]bool
	used  map[protogen.GoImportPath]bool
	// identifiers are the names that the package declares. All its files share
	// the map.
	identifiers map[string]bool
}

// newImports prepares the imports of a file in package self. identifiers are
// the names that the package declares.
func newImports(self protogen.GoImportPath, known map[protogen.GoImportPath]protogen.GoPackageName, identifiers map[string]bool) *imports {
	im := &imports{
		self:  self,
		known: known,
		names: map[protogen.GoImportPath]string{},
		taken: map[string]bool{"init": true, "_": true},
		used:  map[protogen.GoImportPath]bool{},

		identifiers: identifiers,
	}
	for _, name := range append(types.Universe.Names(), locals[:]...) {
		im.taken[name] = true
	}
	for _, p := range []protogen.GoImportPath{contextPackage, iterPackage, timePackage, runtimePackage, implPackage, storePackage} {
		im.name(p)
	}
	return im
}

// qualify returns how id is written in the file, and imports its package.
func (im *imports) qualify(id protogen.GoIdent) string {
	if id.GoImportPath == im.self || id.GoImportPath == "" {
		return id.GoName
	}
	im.used[id.GoImportPath] = true
	return im.name(id.GoImportPath) + "." + id.GoName
}

// name returns the package's name in the file: its own if that is free, otherwise
// with "pb" and, if necessary, a number added.
func (im *imports) name(p protogen.GoImportPath) string {
	if name, ok := im.names[p]; ok {
		return name
	}
	own := string(im.known[p])
	if own == "" {
		own = path.Base(string(p))
	}
	name := own
	for i := 1; im.taken[name] || im.identifiers[name] || token.Lookup(name).IsKeyword(); i++ {
		name = own + "pb"
		if i > 1 {
			name += strconv.Itoa(i)
		}
	}
	im.names[p], im.taken[name] = name, true
	return name
}

// declaration returns the import declaration of the packages in use.
func (im *imports) declaration() string {
	var std, other []string
	paths := make([]protogen.GoImportPath, 0, len(im.used))
	for p := range im.used {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		spec := strconv.Quote(string(p))
		if name := im.names[p]; name != path.Base(string(p)) {
			spec = name + " " + spec
		}
		if strings.Contains(string(p), ".") {
			other = append(other, "\t"+spec+"\n")
		} else {
			std = append(std, "\t"+spec+"\n")
		}
	}
	if len(std) > 0 && len(other) > 0 {
		std = append(std, "\n")
	}
	return fmt.Sprintf("import (\n%s%s)\n", strings.Join(std, ""), strings.Join(other, ""))
}
