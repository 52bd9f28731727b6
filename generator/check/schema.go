package check

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/generator/internal/input"
	"github.com/gozmq/gozmq/generator/internal/plan"
)

// Options change what is checked, as they change what is generated.
type Options struct {
	// Parameter holds the options of protoc-gen-gozmq, in the form of "opt" in
	// buf.gen.yaml or of protoc's --gozmq_opt: "package_suffix=,unannotated=skip".
	Parameter string
}

// validate returns an error if there is no such option.
func (o Options) validate() error {
	opts := input.NewOptions()
	if _, err := (protogen.Options{ParamFunc: opts.Set}).New(&pluginpb.CodeGeneratorRequest{Parameter: proto.String(o.Parameter)}); err != nil {
		return err
	}
	return opts.Err()
}

// A schema is an image with the generator's plan of it.
type schema struct {
	faults   []plan.Fault
	files    []*plan.File
	services map[string]*plan.Service
	// methods has the methods by procedure, and owners their services.
	methods  map[string]*plan.Method
	owners   map[*plan.Method]*plan.Service
	messages map[string]*plan.Message
	// nodes has the declarations by full name, and sources all files by path.
	nodes   map[string]node
	sources map[string]*protogen.File
	imports map[string]bool
}

// A node is a declaration and where it is.
type node struct {
	file *protogen.File
	path protoreflect.SourcePath
}

// newSchema plans an image. With all, imports are planned too.
func newSchema(img *Image, opts Options, all bool, files []*descriptorpb.FileDescriptorProto) (*schema, error) {
	req := &pluginpb.CodeGeneratorRequest{Parameter: proto.String(opts.Parameter), ProtoFile: files}
	for _, f := range files {
		if all || !img.imports[f.GetName()] {
			req.FileToGenerate = append(req.FileToGenerate, f.GetName())
		}
	}
	set := input.NewOptions()
	gen, err := protogen.Options{ParamFunc: set.Set}.New(req)
	if err != nil {
		return nil, err
	}
	s := &schema{
		services: map[string]*plan.Service{}, methods: map[string]*plan.Method{}, messages: map[string]*plan.Message{},
		owners: map[*plan.Method]*plan.Service{}, nodes: map[string]node{}, sources: gen.FilesByPath, imports: img.imports,
	}
	s.files, s.faults = plan.Check(gen, set.Options)
	for _, f := range s.files {
		s.index(f)
	}
	for _, f := range gen.Files {
		s.addNodes(f)
	}
	return s, nil
}

func (s *schema) index(f *plan.File) {
	for _, service := range f.Services {
		s.services[service.FullName] = service
		for _, m := range service.Methods {
			s.methods[m.Procedure], s.owners[m] = m, service
		}
	}
	for _, m := range f.Messages {
		s.messages[m.FullName] = m
	}
}

func (s *schema) addNodes(f *protogen.File) {
	for _, service := range f.Services {
		s.nodes[string(service.Desc.FullName())] = node{f, service.Location.Path}
		for _, m := range service.Methods {
			s.nodes[string(m.Desc.FullName())] = node{f, m.Location.Path}
		}
	}
	s.addMessages(f, f.Messages)
}

func (s *schema) addMessages(f *protogen.File, messages []*protogen.Message) {
	for _, m := range messages {
		s.nodes[string(m.Desc.FullName())] = node{f, m.Location.Path}
		s.addMessages(f, m.Messages)
	}
}

// at returns the position of a declaration, or of the part of it to which sub
// leads; the nearest part with a position counts. An unknown name has no position.
func (s *schema) at(name string, sub ...int32) Position {
	n, ok := s.nodes[name]
	if !ok {
		return Position{}
	}
	full, line, column := plan.Position(n.file.Desc, n.path, sub)
	return Position{n.file.Desc.Path(), line, column, full}
}

// checked reports whether the declaration is in a file that is not only
// imported.
func (s *schema) checked(name string) bool {
	n, ok := s.nodes[name]
	return ok && !s.imports[n.file.Desc.Path()]
}

// withPackages returns copies of the files, each with a Go package that generated
// code can import: one for each folder. Files with their own Go package keep it,
// unless every is set. The copies are new each time, because protogen decodes
// options in place.
func withPackages(files []*descriptorpb.FileDescriptorProto, every bool) []*descriptorpb.FileDescriptorProto {
	var out []*descriptorpb.FileDescriptorProto
	folders := map[string]int{}
	for _, f := range files {
		f = proto.CloneOf(f)
		out = append(out, f)
		if f.GetOptions().GetGoPackage() != "" && (!every || f.GetPackage() == "gozmq.v1") {
			continue
		}
		folder := path.Dir(f.GetName())
		if _, known := folders[folder]; !known {
			folders[folder] = len(folders)
		}
		if f.GetOptions() == nil {
			f.Options = &descriptorpb.FileOptions{}
		}
		f.Options.GoPackage = proto.String(fmt.Sprintf("gozmq.invalid/p%d", folders[folder]))
	}
	return out
}

// shortName returns the text after the last dot.
func shortName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
