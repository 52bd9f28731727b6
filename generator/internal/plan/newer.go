package plan

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// vocabulary checks that this plugin knows all annotations in use.
type vocabulary struct {
	report *report
	// files declare the annotations, as the user's build has them.
	files []*protogen.File
	// foreign has the options that this plugin does not know, by the kind of
	// options that they extend, and their number.
	foreign map[protoreflect.FullName]map[protowire.Number]protoreflect.FullName
}

// The Go package of the annotations, and the one that older exported copies of them
// name.
const (
	goPackage      = "github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	olderGoPackage = "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// newVocabulary finds the annotations' own files. It reports one whose Go
// package is not ours: generated messages would import a package that does not
// exist, or register the options' messages a second time.
func newVocabulary(gen *protogen.Plugin, r *report) *vocabulary {
	v := &vocabulary{report: r, foreign: map[protoreflect.FullName]map[protowire.Number]protoreflect.FullName{}}
	known := annotations.File_gozmq_v1_annotations_proto.Extensions()
	for _, f := range gen.Files {
		if f.Desc.Package() != "gozmq.v1" || len(f.Extensions) == 0 {
			continue
		}
		v.files = append(v.files, f)
		for _, x := range f.Extensions {
			if known.ByName(x.Desc.Name()) == nil {
				v.addForeign(x.Desc)
			}
		}
		if f.GoImportPath != goPackage && f.GoImportPath != olderGoPackage {
			const v2, v1 = "managed: {enabled: true, disable: [{path: gozmq}]}", "managed: {enabled: true, override: {GO_PACKAGE: {%s: %s}}}"
			r.fault(RuleVocabulary, f.Desc, goPackageOption, nil,
				"its Go package is %q and must stay %q; with buf's managed mode, write in a buf.gen.yaml of version v2: "+v2+"; of version v1: "+v1+"; without it, remove the M option for this file",
				string(f.GoImportPath), goPackage, f.Desc.Path(), goPackage)
		}
	}
	return v
}

func (v *vocabulary) addForeign(x protoreflect.ExtensionDescriptor) {
	extendee := x.ContainingMessage().FullName()
	if v.foreign[extendee] == nil {
		v.foreign[extendee] = map[protowire.Number]protoreflect.FullName{}
	}
	v.foreign[extendee][x.Number()] = x.FullName()
}

// check reports every annotation in f that is newer than this plugin.
func (v *vocabulary) check(f *protogen.File) {
	none := protogen.Location{SourceFile: f.Desc.Path()}
	v.checkForeign(f.Desc, none)
	v.checkEnums(f.Enums)
	v.checkFields(f.Extensions)
	for _, m := range f.Messages {
		v.checkMessage(m)
	}
	for _, s := range f.Services {
		v.checkForeign(s.Desc, s.Location)
		v.checkOwn(place{s.Desc, s.Location, inService()}, serviceAnnotation(s))
		for _, m := range s.Methods {
			v.checkForeign(m.Desc, m.Location)
			v.checkOwn(place{m.Desc, m.Location, inMethod()}, methodAnnotation(m))
		}
	}
}

func (v *vocabulary) checkMessage(m *protogen.Message) {
	v.checkForeign(m.Desc, m.Location)
	v.checkOwn(place{m.Desc, m.Location, inMessage()}, messageAnnotation(m))
	v.checkFields(m.Fields)
	v.checkFields(m.Extensions)
	v.checkEnums(m.Enums)
	for _, o := range m.Oneofs {
		v.checkForeign(o.Desc, o.Location)
	}
	for _, nested := range m.Messages {
		v.checkMessage(nested)
	}
}

func (v *vocabulary) checkFields(fields []*protogen.Field) {
	for _, f := range fields {
		v.checkForeign(f.Desc, f.Location)
	}
}

func (v *vocabulary) checkEnums(enums []*protogen.Enum) {
	for _, e := range enums {
		v.checkForeign(e.Desc, e.Location)
		for _, value := range e.Values {
			v.checkForeign(value.Desc, value.Location)
		}
	}
}

// checkForeign reports an option that the annotations in the user's build declare,
// but that this plugin does not know.
func (v *vocabulary) checkForeign(d protoreflect.Descriptor, loc protogen.Location) {
	if len(v.foreign) == 0 || d.Options() == nil {
		return
	}
	opts := d.Options().ProtoReflect()
	for _, n := range unknownNumbers(opts) {
		if name, ok := v.foreign[opts.Descriptor().FullName()][n]; ok {
			v.newer(place{d, loc, nil}, "the option "+string(name))
		}
	}
}

// checkOwn reports fields and enum values of our options that this plugin does
// not know, however deep they are.
func (v *vocabulary) checkOwn(at place, opts proto.Message) {
	m := opts.ProtoReflect()
	if !m.IsValid() {
		return
	}
	for _, n := range unknownNumbers(m) {
		v.newer(at.field(n), fmt.Sprintf("%s of %s", v.fieldName(m.Descriptor().FullName(), n), m.Descriptor().FullName()))
	}
	m.Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case fd.Enum() != nil && fd.Enum().Values().ByNumber(value.Enum()) == nil:
			v.newer(at.field(fd.Number()), fmt.Sprintf("value %d of %s", value.Enum(), fd.Enum().FullName()))
		case fd.Message() != nil && !fd.IsList() && !fd.IsMap():
			v.checkOwn(at.field(fd.Number()), value.Message().Interface())
		}
		return true
	})
}

// field leads one field further down.
func (p place) field(n protowire.Number) place {
	return place{p.desc, p.loc, append(slices.Clone(p.sub), int32(n))}
}

func (v *vocabulary) newer(at place, what string) {
	v.report.fault(RuleVocabulary, at.desc, at.loc, at.sub,
		"the annotation uses %s, which this protoc-gen-gozmq does not know; update the plugin: go install github.com/gozmq/gozmq/cmd/protoc-gen-gozmq@latest", what)
}

// fieldName names a field of one of our messages as the user's build does.
func (v *vocabulary) fieldName(message protoreflect.FullName, n protowire.Number) string {
	for _, f := range v.files {
		for _, m := range f.Messages {
			if m.Desc.FullName() != message {
				continue
			}
			if fd := m.Desc.Fields().ByNumber(n); fd != nil {
				return fmt.Sprintf("field %q", fd.Name())
			}
		}
	}
	return fmt.Sprintf("field %d", n)
}

func unknownNumbers(m protoreflect.Message) []protowire.Number {
	var out []protowire.Number
	for b := m.GetUnknown(); len(b) > 0; {
		n, _, size := protowire.ConsumeField(b)
		if size < 0 {
			break
		}
		out = append(out, n)
		b = b[size:]
	}
	return out
}
