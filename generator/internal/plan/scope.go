package plan

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A scope is the package-level names of one Go package. Names are given in a
// fixed order, first come, first served: imported files before the files that
// import them, so that a name does not depend on which files a run generates.
type scope struct {
	report *report
	owners map[string]owner
	// goNames has protogen's names of all services, and of all messages that
	// have names made for them; bases has what base made of them.
	goNames map[string]map[string]bool
	bases   map[string]origin
	told    map[[2]protoreflect.FullName]bool
}

// An origin is the declaration that a name is made for.
type origin struct {
	desc protoreflect.Descriptor
	loc  protogen.Location
	// generate says that the declaration's file is generated in this run.
	generate bool
}

// An owner is who has a name: the declaration, and what the name is made of.
type owner struct {
	origin
	parts []string
}

// newScope returns the scope of a Go package that is made from files.
func newScope(r *report, files []*protogen.File) *scope {
	services, messages := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		for _, s := range f.Services {
			services[s.GoName] = true
		}
		for _, m := range allMessages(f.Messages) {
			if messageAnnotation(m) != nil {
				messages[m.GoIdent.GoName] = true
			}
		}
	}
	return &scope{
		report:  r,
		owners:  map[string]owner{},
		goNames: map[string]map[string]bool{serviceKind: services, messageKind: messages},
		bases:   map[string]origin{},
		told:    map[[2]protoreflect.FullName]bool{},
	}
}

// The kinds of declarations that names are made for.
const (
	serviceKind = "service "
	messageKind = "message "
)

// reserve takes the name of a declaration that another generator prints.
func (s *scope) reserve(name string, o origin) {
	s.owners[name] = owner{o, nil}
}

// exported gives out the name that the parts make. Where two names differ only
// in where their parts end, the later one gets underscores between them; where
// they do not differ at all, or the name is another generator's, it is a fault.
func (s *scope) exported(o origin, parts ...string) string {
	name := strings.Join(parts, "")
	prev, taken := s.owners[name]
	if taken && prev.parts != nil && !slices.Equal(prev.parts, parts) {
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

// unexported gives out a name that starts in lower case; nobody else sees it,
// so it is numbered when it is taken.
func (s *scope) unexported(o origin, parts ...string) string {
	base := lowerFirst(strings.Join(parts, ""))
	name := base
	for i := 2; ; i++ {
		if _, taken := s.owners[name]; !taken {
			break
		}
		name = base + strconv.Itoa(i)
	}
	s.owners[name] = owner{o, parts}
	return name
}

// base gives out the name that all names of a service, or of a message, start
// with. kind keeps the two apart.
func (s *scope) base(kind string, o origin, goName string) string {
	for _, name := range candidates(goName, s.goNames[kind]) {
		if _, taken := s.bases[kind+name]; !taken {
			s.bases[kind+name] = o
			return name
		}
	}
	s.clash(goName, o, s.bases[kind+goName], false)
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

// clash reports that o and prev want the same name, once for the two of them,
// unless neither is generated in this run. reserved says that prev's name is
// another generator's.
func (s *scope) clash(name string, o, prev origin, reserved bool) {
	pair := [2]protoreflect.FullName{o.desc.FullName(), prev.desc.FullName()}
	if s.told[pair] || !o.generate && !prev.generate {
		return
	}
	s.told[pair] = true
	if !o.generate {
		o, prev = prev, o
	}
	remedy := "rename one of them"
	if reserved {
		remedy += ", or leave package_suffix at its default"
	}
	s.report.fault(o.desc, o.loc, nil, "its Go name %s is already that of %s in the same Go package; %s", name, where(prev.desc, prev.loc), remedy)
}

// withoutUnderscores removes the underscores that protogen's names keep, and
// capitalizes what follows one, so that Outer_inner and SayHello_V2 read as Go.
func withoutUnderscores(goName string) string {
	var b strings.Builder
	for _, word := range strings.Split(goName, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// lowerFirst puts the first word in lower case: HTTPServer becomes httpServer.
func lowerFirst(name string) string {
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsUpper(r) {
			break
		}
		if i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
			break
		}
		runes[i] = unicode.ToLower(r)
	}
	return string(runes)
}

// reserveMessages takes all names that protoc-gen-go prints for f.
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
