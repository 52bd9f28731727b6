package plan

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/generator/internal/topic"
)

// A place is where a template is written.
type place struct {
	desc protoreflect.Descriptor
	loc  protogen.Location
	sub  []int32
}

// segments parses a template and resolves its placeholders against the fields
// of m. Faults are reported at the template's place.
func (p *planner) segments(at place, m *protogen.Message, template string) []Segment {
	parsed, faults := topic.Parse(template)
	for _, err := range faults {
		p.report.fault(RuleTemplate, at.desc, at.loc, at.sub, "%v", err)
	}
	if len(faults) > 0 {
		return nil
	}
	var out []Segment
	for _, s := range parsed {
		if s.Path == "" {
			out = append(out, Segment{Literal: s.Literal})
			continue
		}
		segment, _, err := resolve(m, s.Path)
		if err != nil {
			p.report.fault(RuleTemplate, at.desc, at.loc, at.sub, "{%s} in the template: %v", s.Path, err)
		}
		out = append(out, segment)
	}
	return out
}

// resolve finds the field that path leads to and says how to read it.
func resolve(m *protogen.Message, path string) (Segment, *protogen.Field, error) {
	out := Segment{Path: path}
	names := strings.Split(path, ".")
	for i, name := range names {
		prefix := strings.Join(append(names[:i:i], ""), ".")
		field := fieldNamed(m, name)
		if field == nil {
			return out, nil, fmt.Errorf("%s has no field %q; %s", m.Desc.FullName(), name, suggestion(m, prefix))
		}
		getter, _ := field.MethodName("Get")
		out.Getters, out.Numbers = append(out.Getters, getter), append(out.Numbers, field.Desc.Number())
		last := i == len(names)-1
		if last {
			kind, err := valueKind(field)
			if err != nil {
				return out, nil, fmt.Errorf("%w; %s", err, suggestion(m, prefix))
			}
			out.Kind, out.Values = kind, valueNames(field.Desc.Enum())
			return out, field, nil
		}
		if field.Desc.IsMap() || field.Desc.IsList() || field.Message == nil {
			return out, nil, fmt.Errorf("%s is %s, so no path leads through it; %s", field.Desc.FullName(), describe(field), suggestion(m, prefix))
		}
		m = field.Message
	}
	return out, nil, nil
}

// valueNames returns the names that the values of e have in topics; nil is a
// valid e. Of aliases the first one counts.
func valueNames(e protoreflect.EnumDescriptor) map[protoreflect.EnumNumber]protoreflect.Name {
	if e == nil {
		return nil
	}
	out := map[protoreflect.EnumNumber]protoreflect.Name{}
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		if _, known := out[v.Number()]; !known {
			out[v.Number()] = v.Name()
		}
	}
	return out
}

func fieldNamed(m *protogen.Message, name string) *protogen.Field {
	for _, f := range m.Fields {
		if string(f.Desc.Name()) == name {
			return f
		}
	}
	return nil
}

// valueKind returns the runtime's name of the field's kind, or an error if the
// field's value cannot be part of a topic.
func valueKind(f *protogen.Field) (string, error) {
	if kind := kinds[f.Desc.Kind()]; kind != "" && !f.Desc.IsList() {
		return kind, nil
	}
	return "", fmt.Errorf("%s is %s, which cannot be part of a topic", f.Desc.FullName(), describe(f))
}

// kinds are the field kinds that a topic can hold.
var kinds = map[protoreflect.Kind]string{
	protoreflect.StringKind: "String", protoreflect.BoolKind: "Bool", protoreflect.EnumKind: "Enum",
	protoreflect.Int32Kind: "Int", protoreflect.Sint32Kind: "Int", protoreflect.Sfixed32Kind: "Int",
	protoreflect.Uint32Kind: "Int", protoreflect.Fixed32Kind: "Int",
	protoreflect.Int64Kind: "Int", protoreflect.Sint64Kind: "Int", protoreflect.Sfixed64Kind: "Int",
	protoreflect.Uint64Kind: "Int", protoreflect.Fixed64Kind: "Int",
}

// goType returns the Go type of a field that valueKind accepts.
func goType(f *protogen.Field) protogen.GoIdent {
	switch f.Desc.Kind() {
	case protoreflect.EnumKind:
		return f.Enum.GoIdent
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protogen.GoIdent{GoName: "int32"}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protogen.GoIdent{GoName: "uint32"}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protogen.GoIdent{GoName: "int64"}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protogen.GoIdent{GoName: "uint64"}
	case protoreflect.BoolKind:
		return protogen.GoIdent{GoName: "bool"}
	default:
		return protogen.GoIdent{GoName: "string"}
	}
}

func describe(f *protogen.Field) string {
	switch {
	case f.Desc.IsMap():
		return "a map"
	case f.Desc.IsList():
		return "repeated"
	case f.Message != nil:
		return "a message"
	default:
		return "of type " + f.Desc.Kind().String()
	}
}

// suggestion names the fields of m, and of the messages in it, that would do.
// prefix is the path that leads to m.
func suggestion(m *protogen.Message, prefix string) string {
	const most = 8
	var names []string
	for _, f := range m.Fields {
		if _, err := valueKind(f); err == nil {
			names = append(names, prefix+string(f.Desc.Name()))
		}
	}
	for _, f := range m.Fields {
		if f.Message == nil || f.Desc.IsMap() || f.Desc.IsList() {
			continue
		}
		for _, inner := range f.Message.Fields {
			if _, err := valueKind(inner); err == nil {
				names = append(names, prefix+string(f.Desc.Name()+"."+inner.Desc.Name()))
			}
		}
	}
	switch {
	case len(names) == 0:
		return "it has no string, integer, bool or enum field to use instead"
	case len(names) > most:
		names = append(names[:most], "…")
	}
	return "use one of: " + strings.Join(names, ", ")
}

// filterFields names the filter's fields, one per different placeholder, and stores
// the names in the segments.
func filterFields(m *protogen.Message, segments []Segment) []FilterField {
	var out []FilterField
	byPath, taken := map[string]string{}, map[string]bool{"TopicPattern": true}
	for i, s := range segments {
		if s.Path == "" {
			continue
		}
		name, known := byPath[s.Path]
		if !known {
			_, field, err := resolve(m, s.Path)
			if err != nil {
				continue
			}
			name = filterField(m, s.Path, taken)
			byPath[s.Path], taken[name] = name, true
			out = append(out, FilterField{Name: name, Path: s.Path, Type: goType(field)})
		}
		segments[i].Field = name
	}
	return out
}

// filterField joins the Go names along path to a name that is not taken.
func filterField(m *protogen.Message, path string, taken map[string]bool) string {
	var parts []string
	for _, name := range strings.Split(path, ".") {
		field := fieldNamed(m, name)
		parts = append(parts, withoutUnderscores(field.GoName))
		m = field.Message
	}
	joined := strings.Join(parts, "")
	for _, name := range []string{joined, strings.Join(parts, "_"), joined + "_"} {
		if !taken[name] {
			return name
		}
	}
	for i := 2; ; i++ {
		if name := joined + strconv.Itoa(i); !taken[name] {
			return name
		}
	}
}
