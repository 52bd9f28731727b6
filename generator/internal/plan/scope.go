package plan

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A scope is the package-level names of one Go package. A name depends only on the
// declaration's file and on the files that it imports, so it is the same whichever
// files a run generates. Imported files come first, and within a file the
// declarations come in order.
type scope struct {
	report *report
	owners map[string]owner
	// bases has the first parts of the names of services and of annotated messages.
	bases map[string]origin
	// natural has protogen's names of the annotated messages of the current
	// file.
	natural map[string]bool
	// imported caches, by file, all files that it imports, directly or not.
	imported map[string]map[string]bool
	// reported has the pairs of declarations whose clash has been reported.
	reported map[[2]protoreflect.FullName]bool
}

// An origin is the declaration that a name is made for.
type origin struct {
	desc protoreflect.Descriptor
	loc  protogen.Location
	// generate says that the declaration's file is generated in this run.
	generate bool
}

// An owner has a name: the declaration, and the parts of the name.
type owner struct {
	origin
	parts []string
}

// newScope returns the empty scope of a Go package.
func newScope(r *report) *scope {
	return &scope{
		report:   r,
		owners:   map[string]owner{},
		bases:    map[string]origin{},
		imported: map[string]map[string]bool{},
		reported: map[[2]protoreflect.FullName]bool{},
	}
}

// enter makes f the file whose declarations get their names next.
func (s *scope) enter(f *protogen.File) {
	s.natural = map[string]bool{}
	for _, m := range allMessages(f.Messages) {
		if messageAnnotation(m) != nil {
			s.natural[m.GoIdent.GoName] = true
		}
	}
}

// reserve reserves the name of a declaration that another generator prints.
func (s *scope) reserve(name string, o origin) {
	s.owners[name] = owner{o, nil}
}

// exported returns the name that consists of the parts. Where two names differ only
// in where their parts end, the later one gets underscores between them. It is a
// fault when they are equal, when the name belongs to another generator, and when
// neither file imports the other, so that neither is the later one.
func (s *scope) exported(o origin, parts ...string) string {
	name := strings.Join(parts, "")
	prev, taken := s.owners[name]
	if taken && prev.parts != nil && !slices.Equal(prev.parts, parts) && s.sees(o, prev.origin) {
		name = strings.Join(parts, "_")
		prev, taken = s.owners[name]
	}
	if taken {
		s.clash(name, o, prev.origin, prev.parts == nil)
		return name
	}
	s.owners[name] = owner{o, parts}
	return name
}

// unexported returns a name that starts in lower case. Users do not see it, so it
// is numbered when it is taken.
func (s *scope) unexported(o origin, parts ...string) string {
	base := lowerFirst(strings.Join(parts, ""))
	name := base
	for i := 2; ; i++ {
		prev, taken := s.owners[name]
		if !taken {
			break
		}
		if !s.sees(o, prev.origin) {
			s.clash(name, o, prev.origin, prev.parts == nil)
			return name
		}
		name = base + strconv.Itoa(i)
	}
	s.owners[name] = owner{o, parts}
	return name
}

// sees reports whether prev is in the file of o or in one that it imports, so
// that every run that has o has prev as well.
func (s *scope) sees(o, prev origin) bool {
	file, other := o.desc.ParentFile(), prev.desc.ParentFile()
	if file.Path() == other.Path() {
		return true
	}
	imported := s.imported[file.Path()]
	if imported == nil {
		imported = map[string]bool{}
		addImports(imported, file)
		s.imported[file.Path()] = imported
	}
	return imported[other.Path()]
}

func addImports(to map[string]bool, f protoreflect.FileDescriptor) {
	for i := range f.Imports().Len() {
		imported := f.Imports().Get(i)
		if !to[imported.Path()] {
			to[imported.Path()] = true
			addImports(to, imported)
		}
	}
}

// serviceBase returns the name that all names of a service start with: protogen's.
// Underscores stay, so that A_B and AB differ in all files.
func (s *scope) serviceBase(o origin, goName string) string {
	return s.base("service ", o, goName)
}

// messageBase returns the name that all names of a message start with. The name of
// a nested message has no underscores if possible.
func (s *scope) messageBase(o origin, goName string) string {
	if o.desc.Parent() == o.desc.ParentFile() {
		return s.base("message ", o, goName)
	}
	return s.base("message ", o, candidates(goName, s.natural)...)
}

// base returns the first of the names that is free. kind keeps services and
// messages apart.
func (s *scope) base(kind string, o origin, names ...string) string {
	for i, name := range names {
		prev, taken := s.bases[kind+name]
		if !taken {
			s.bases[kind+name] = o
			return name
		}
		if !s.sees(o, prev) || i == len(names)-1 {
			s.clash(name, o, prev, false)
			break
		}
	}
	return impossible(o.desc)
}

// candidates returns the names to try: the one without underscores, unless
// another one in goNames is so by nature, and the one that protogen gives.
func candidates(goName string, goNames map[string]bool) []string {
	short := withoutUnderscores(goName)
	if goNames[short] || short == goName {
		return []string{goName}
	}
	return []string{short, goName}
}

// impossible returns a name unlike any other, to go on with after a fault.
func impossible(d protoreflect.Descriptor) string {
	return "Fault " + string(d.FullName())
}

// clash reports, once, that o and prev need the same name, unless neither is
// generated in this run. reserved says that prev's name is another generator's.
func (s *scope) clash(name string, o, prev origin, reserved bool) {
	pair := [2]protoreflect.FullName{o.desc.FullName(), prev.desc.FullName()}
	if s.reported[pair] || !o.generate && !prev.generate {
		return
	}
	s.reported[pair] = true
	if !o.generate {
		o, prev = prev, o
	}
	remedy := "rename one of them"
	switch {
	case reserved:
		remedy += ", or leave package_suffix at its default"
	case !s.sees(o, prev):
		remedy += ", or give one of the two files another go_package"
	}
	s.report.fault(RuleGoName, o.desc, o.loc, nil, "its Go name %s is already the name of %s in the same Go package; %s", name, where(prev.desc, prev.loc), remedy)
}

// withoutUnderscores removes the underscores that protogen's names keep, and
// capitalizes the letter after each, so that Outer_inner and SayHello_V2 become Go
// names.
func withoutUnderscores(goName string) string {
	var b strings.Builder
	for _, word := range strings.Split(goName, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// lowerFirst puts only the first letter in lower case, so that HTTPServer and
// HttpServer stay different, whichever files they are in.
func lowerFirst(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// reserveMessages reserves all names that protoc-gen-go prints for f.
func (s *scope) reserveMessages(f *protogen.File) {
	file := origin{f.Desc, protogen.Location{SourceFile: f.Desc.Path()}, f.Generate}
	s.reserve(f.GoDescriptorIdent.GoName, file)
	s.reserveEnums(f.Enums, f.Generate)
	s.reserveExtensions(f.Extensions, f.Generate)
	for _, m := range f.Messages {
		s.reserveMessage(m, f.Generate)
	}
}

func (s *scope) reserveMessage(m *protogen.Message, generate bool) {
	s.reserve(m.GoIdent.GoName, origin{m.Desc, m.Location, generate})
	for _, field := range m.Fields {
		if field.Oneof != nil && !field.Oneof.Desc.IsSynthetic() {
			s.reserve(field.GoIdent.GoName, origin{field.Desc, field.Location, generate})
		}
	}
	s.reserveEnums(m.Enums, generate)
	s.reserveExtensions(m.Extensions, generate)
	for _, nested := range m.Messages {
		s.reserveMessage(nested, generate)
	}
}

func (s *scope) reserveEnums(enums []*protogen.Enum, generate bool) {
	for _, e := range enums {
		for _, name := range []string{"", "_name", "_value"} {
			s.reserve(e.GoIdent.GoName+name, origin{e.Desc, e.Location, generate})
		}
		for _, v := range e.Values {
			s.reserve(v.GoIdent.GoName, origin{v.Desc, v.Location, generate})
		}
	}
}

func (s *scope) reserveExtensions(extensions []*protogen.Extension, generate bool) {
	for _, x := range extensions {
		s.reserve("E_"+x.GoIdent.GoName, origin{x.Desc, x.Location, generate})
	}
}
