package plan

import (
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// The numbers of fields are those of the descriptors.
func TestFieldNumbers(t *testing.T) {
	for name, tt := range map[string]struct {
		message proto.Message
		field   protoreflect.Name
		number  protoreflect.FieldNumber
	}{
		"fileOptions":    {(*descriptorpb.FileDescriptorProto)(nil), "options", fileOptions},
		"goPackageField": {(*descriptorpb.FileOptions)(nil), "go_package", goPackageField},
		"messageOptions": {(*descriptorpb.DescriptorProto)(nil), "options", messageOptions},
		"serviceOptions": {(*descriptorpb.ServiceDescriptorProto)(nil), "options", serviceOptions},
		"methodOptions":  {(*descriptorpb.MethodDescriptorProto)(nil), "options", methodOptions},
		"outputType":     {(*descriptorpb.MethodDescriptorProto)(nil), "output_type", outputType},
	} {
		if got := tt.message.ProtoReflect().Descriptor().Fields().ByName(tt.field).Number(); got != tt.number {
			t.Errorf("%s is %d, want %d", name, tt.number, got)
		}
	}
}

// file makes a file of package p with services that have methods, as "S.A".
func file(name string, imports []string, services map[string][]string) *descriptorpb.FileDescriptorProto {
	f := &descriptorpb.FileDescriptorProto{
		Name: proto.String(name), Package: proto.String("p"), Syntax: proto.String("proto3"), Dependency: imports,
		Options:     &descriptorpb.FileOptions{GoPackage: proto.String("example.com/p")},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M" + name[:1])}},
	}
	for service, methods := range services {
		s := &descriptorpb.ServiceDescriptorProto{Name: proto.String(service)}
		for _, m := range methods {
			s.Method = append(s.Method, &descriptorpb.MethodDescriptorProto{
				Name: proto.String(m), InputType: proto.String(".p.M" + name[:1]), OutputType: proto.String(".p.M" + name[:1])})
		}
		f.Service = append(f.Service, s)
	}
	slices.SortFunc(f.Service, func(a, b *descriptorpb.ServiceDescriptorProto) int { return len(a.GetName()) - len(b.GetName()) })
	return f
}

// build plans some of the files.
func build(t *testing.T, files []*descriptorpb.FileDescriptorProto, generate ...string) ([]*File, error) {
	t.Helper()
	gen, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{FileToGenerate: generate, ProtoFile: files})
	if err != nil {
		t.Fatal(err)
	}
	return Build(gen, Options{PackageSuffix: "gozmq"})
}

// procedureNames are the constants of all methods of a file.
func procedureNames(f *File) []string {
	var out []string
	for _, s := range f.Services {
		for _, m := range s.Methods {
			out = append(out, m.ProcedureConst)
		}
	}
	return out
}

// A file's names are the same whether the files that import it, or that it has
// nothing to do with, are generated with it or not.
func TestNamesDependOnImportsAlone(t *testing.T) {
	files := []*descriptorpb.FileDescriptorProto{
		file("a.proto", nil, map[string][]string{"Foo": {"BarBaz"}, "A_B": {"Get"}}),
		file("b.proto", []string{"a.proto"}, map[string][]string{"FooBar": {"Baz"}, "AB": {"Get"}}),
		file("c.proto", nil, map[string][]string{"FooBa": {"R"}, "AbB": {"Get"}}),
	}
	want := map[string][]string{
		"a.proto": {"FooBarBazProcedure", "A_BGetProcedure"},
		"b.proto": {"ABGetProcedure", "FooBar_Baz_Procedure"},
		"c.proto": {"AbBGetProcedure", "FooBaRProcedure"},
	}
	for _, generate := range [][]string{
		{"a.proto"}, {"b.proto"}, {"c.proto"}, {"a.proto", "b.proto"}, {"b.proto", "c.proto"}, {"c.proto", "b.proto", "a.proto"},
	} {
		planned, err := build(t, files, generate...)
		if err != nil {
			t.Fatalf("%v: %v", generate, err)
		}
		for _, f := range planned {
			if got := procedureNames(f); !reflect.DeepEqual(sorted(got), sorted(want[f.Source])) {
				t.Errorf("with %v generated, %s has %v, want %v", generate, f.Source, got, want[f.Source])
			}
		}
	}
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}

// Files that do not import each other and make the same name are refused
// together, since each would have that name without the other.
func TestSiblingsWithOneName(t *testing.T) {
	files := []*descriptorpb.FileDescriptorProto{
		file("a.proto", nil, map[string][]string{"Foo": {"BarBaz"}}),
		file("b.proto", nil, map[string][]string{"FooBar": {"Baz"}}),
	}
	_, err := build(t, files, "a.proto", "b.proto")
	const want = "b.proto: p.FooBar.Baz: its Go name FooBarBazProcedure is already the name of p.Foo.BarBaz (a.proto) in the same Go package; rename one of them, or give one of the two files another go_package"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestLowerFirst(t *testing.T) {
	for name, want := range map[string]string{"HTTPServer": "hTTPServer", "HttpServer": "httpServer", "X": "x", "Éa": "éa"} {
		if got := lowerFirst(name); got != want {
			t.Errorf("lowerFirst(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCandidates(t *testing.T) {
	natural := map[string]bool{"OuterInner": true}
	for name, want := range map[string][]string{
		"Plain":       {"Plain"},
		"Other_inner": {"OtherInner", "Other_inner"},
		"Outer_Inner": {"Outer_Inner"},
	} {
		if got := candidates(name, natural); !reflect.DeepEqual(got, want) {
			t.Errorf("candidates(%q) = %q, want %q", name, got, want)
		}
	}
}

// Faults come in the order of files and places, each once.
func TestReport(t *testing.T) {
	r := &report{faults: []Fault{
		{File: "b.proto", Line: 1, Col: 1, Name: "p.B", Text: "first"},
		{File: "a.proto", Line: 10, Col: 2, Name: "p.A", Text: "third"},
		{File: "a.proto", Line: 9, Col: 7, Name: "p.A", Text: "second"},
		{File: "a.proto", Line: 9, Col: 7, Name: "p.A", Text: "second"},
		{File: "a.proto", Text: "without a place"},
	}}
	const want = "a.proto: without a place\na.proto:9:7: p.A: second\na.proto:10:2: p.A: third\nb.proto:1:1: p.B: first"
	if err := join(r.inOrder()); err == nil || err.Error() != want {
		t.Errorf("the report is\n%v\nwant\n%s", err, want)
	}
}
