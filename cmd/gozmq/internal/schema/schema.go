// Package schema knows the services, topics and tasks of a system: from the
// system itself, from a descriptor image or from .proto files.
package schema

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A Schema describes the services of a system. It is immutable.
type Schema struct {
	// Source says where it comes from, for people to read.
	Source string
	// Services are sorted by name. A service without a descriptor has no
	// methods.
	Services []*Service
	// Methods are the methods of all services, and the messages that are topics or
	// tasks without a service, sorted by procedure.
	Methods []*Method
	// Types finds messages by their names, also for Any.
	Types Types

	files *protoregistry.Files
	set   *descriptorpb.FileDescriptorSet
}

// A Service is a service and how it is carried.
type Service struct {
	Name     string
	Pattern  gozmq.Pattern
	Bare     bool
	Delivery gozmq.Delivery
	Methods  []*Method
	// Desc is nil for a service that was registered without a descriptor.
	Desc protoreflect.ServiceDescriptor
}

// A Method is a call, a topic or a kind of task.
type Method struct {
	// Service is nil for a message that is a topic or a task without a service.
	Service *Service
	Pattern gozmq.Pattern
	// Method is the runtime's description; its Procedure is the method's name on
	// the wire.
	gozmq.Method

	Input, Output protoreflect.MessageDescriptor
	// Topic is the topic of a PUB/SUB method.
	Topic *Topic
	// Result says that the worker of a task sends a result.
	Result bool
	// Comment is the comment above the method in its file, if the source has it.
	Comment string
}

// FromFiles returns the schema of a set of files, each with all its imports.
// names are the services that it shows; nil shows all of the files that are not
// gozmq's own.
func FromFiles(source string, set *descriptorpb.FileDescriptorSet, names []string) (*Schema, error) {
	// The options are decoded again, with gozmq's annotations.
	b, err := proto.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	known := &descriptorpb.FileDescriptorSet{}
	if err := (proto.UnmarshalOptions{Resolver: annotations.Types()}).Unmarshal(b, known); err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	files, err := protodesc.FileOptions{AllowUnresolvable: true}.NewFiles(known)
	if err != nil {
		return nil, fmt.Errorf("%s: the files do not belong together: %w", source, err)
	}
	s := &Schema{Source: source, files: files, set: known, Types: Types{dynamicpb.NewTypes(files)}}
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		s.addFile(f, names)
		return true
	})
	for _, name := range names {
		if d, _ := files.FindDescriptorByName(protoreflect.FullName(name)); d != nil {
			continue // it exists already, or is a message
		}
		if !slices.ContainsFunc(s.Services, func(svc *Service) bool { return svc.Name == name }) {
			s.Services = append(s.Services, &Service{Name: name, Pattern: gozmq.PatternReqRep})
		}
	}
	slices.SortFunc(s.Services, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Methods, func(a, b *Method) int { return strings.Compare(a.Procedure, b.Procedure) })
	return s, nil
}

// addFile adds the services of f to show, and its messages that are topics or
// tasks.
func (s *Schema) addFile(f protoreflect.FileDescriptor, names []string) {
	own := strings.HasPrefix(f.Path(), "gozmq/v1/") || strings.HasPrefix(f.Path(), "google/protobuf/")
	services := f.Services()
	for i := range services.Len() {
		d := services.Get(i)
		if names == nil && !own || slices.Contains(names, string(d.FullName())) {
			s.addService(d)
		}
	}
	if !own {
		s.addMessages(f.Messages())
	}
}

func (s *Schema) addService(d protoreflect.ServiceDescriptor) {
	svc := newService(d)
	s.Services = append(s.Services, svc)
	s.Methods = append(s.Methods, svc.Methods...)
}

func (s *Schema) addMessages(list protoreflect.MessageDescriptors) {
	for i := range list.Len() {
		d := list.Get(i)
		s.Methods = append(s.Methods, messageMethods(d)...)
		s.addMessages(d.Messages())
	}
}

// Service returns the service of that name, whose package may be left out if the
// short name is unique; nil: there is none.
func (s *Schema) Service(name string) (found *Service) {
	for _, svc := range s.Services {
		switch {
		case svc.Name == name:
			return svc
		case strings.HasSuffix(svc.Name, "."+name) && found != nil:
			return nil
		case strings.HasSuffix(svc.Name, "."+name):
			found = svc
		}
	}
	return found
}

// Method returns the method that name names, as "package.Service/Method",
// "package.Service.Method", "Service/Method" or, when no other has the name,
// "Method"; a topic or task without a service by its message. pattern is that
// which the method must have; 0: any. An error says what there is instead.
func (s *Schema) Method(name string, pattern gozmq.Pattern) (*Method, error) {
	var found []*Method
	for _, m := range s.Methods {
		if m.Procedure == name || dotted(m.Procedure) == name {
			found = []*Method{m}
			break
		}
		if m.HasName(name) {
			found = append(found, m)
		}
	}
	found = narrow(found, func(m *Method) bool { return pattern == 0 || m.Pattern == pattern })
	found = narrow(found, func(m *Method) bool { return !strings.HasPrefix(m.Procedure, "gozmq.v1.") })
	switch {
	case len(found) == 0:
		return nil, s.unknown(name, pattern)
	case len(found) > 1:
		return nil, fmt.Errorf("%q is the name of %s and of %s; write the full name", name, found[0].Procedure, found[1].Procedure)
	case pattern != 0 && found[0].Pattern != pattern:
		return nil, fmt.Errorf("%s is %s, not %s; use %s", found[0].Procedure, kindOf(found[0].Pattern), kindOf(pattern), verbsOf(found[0].Pattern))
	}
	return found[0], nil
}

// HasName reports whether name is the method's, in full, without the package, or
// without the service; others may have a short name, too.
func (m *Method) HasName(name string) bool {
	return m.Procedure == name || strings.HasSuffix(dotted("."+m.Procedure), "."+dotted(name))
}

// narrow returns the methods for which keep is true, if there are any, otherwise
// the whole list.
func narrow(list []*Method, keep func(*Method) bool) []*Method {
	if len(list) < 2 {
		return list
	}
	if kept := slices.DeleteFunc(slices.Clone(list), func(m *Method) bool { return !keep(m) }); len(kept) > 0 {
		return kept
	}
	return list
}

func dotted(procedure string) string { return strings.ReplaceAll(procedure, "/", ".") }

func kindOf(p gozmq.Pattern) string {
	switch p {
	case gozmq.PatternPubSub:
		return "a topic (PUB/SUB)"
	case gozmq.PatternPushPull:
		return "a task (PUSH/PULL)"
	default:
		return "a call (REQ/REP)"
	}
}

func verbsOf(p gozmq.Pattern) string {
	switch p {
	case gozmq.PatternPubSub:
		return "gozmq pub or gozmq sub"
	case gozmq.PatternPushPull:
		return "gozmq push or gozmq pull"
	default:
		return "gozmq call"
	}
}

// unknown is the error for a method that is not there, with the nearest name.
func (s *Schema) unknown(name string, pattern gozmq.Pattern) error {
	if svc := s.Service(name); svc != nil && len(svc.Methods) > 0 {
		return fmt.Errorf("%s is a service; write one of its methods, as %s", svc.Name, svc.Methods[0].Procedure)
	}
	var names []string
	for _, m := range s.Methods {
		if pattern == 0 || m.Pattern == pattern {
			names = append(names, m.Procedure)
		}
	}
	if near := Nearest(name, names); near != "" {
		return fmt.Errorf("there is no method %q in %s; did you mean %s?", name, s.Source, near)
	}
	return fmt.Errorf("there is no method %q in %s; gozmq list says what there is", name, s.Source)
}

// Message returns the message type of that full name.
func (s *Schema) Message(name string) (protoreflect.MessageDescriptor, error) {
	d, err := s.files.FindDescriptorByName(protoreflect.FullName(name))
	if err == nil {
		if m, ok := d.(protoreflect.MessageDescriptor); ok {
			return m, nil
		}
		return nil, fmt.Errorf("%s is no message in %s", name, s.Source)
	}
	return nil, fmt.Errorf("there is no message %q in %s", name, s.Source)
}

// FileSet returns the files, each after its imports. It must not be changed.
func (s *Schema) FileSet() *descriptorpb.FileDescriptorSet { return s.set }

// Names returns the names of all services and methods, and of the messages that
// go in and come out of them.
func (s *Schema) Names() (names []string) {
	for _, svc := range s.Services {
		names = append(names, svc.Name)
	}
	for _, m := range s.Methods {
		names = append(names, m.Procedure, string(m.Input.FullName()))
		if m.Output != nil {
			names = append(names, string(m.Output.FullName()))
		}
	}
	return names
}

// Find returns the declaration with that full name: a service, method, message,
// enum or field.
func (s *Schema) Find(name string) (protoreflect.Descriptor, error) {
	return s.files.FindDescriptorByName(protoreflect.FullName(dotted(name)))
}

// Raw returns a method that no schema knows, for --raw.
func Raw(procedure string, pattern gozmq.Pattern, bare bool) *Method {
	return &Method{Pattern: pattern, Method: gozmq.Method{Procedure: procedure, Bare: bare, Timeout: time.Duration(0)}}
}

// ServiceOf returns the service in a procedure; the procedure itself where it
// has none.
func ServiceOf(procedure string) string {
	service, _, _ := strings.Cut(procedure, "/")
	return service
}
