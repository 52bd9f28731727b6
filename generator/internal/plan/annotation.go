package plan

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// extension is the number of all our options.
const extension = 57557

// The options field of each kind of descriptor.
const (
	messageOptions = 7
	serviceOptions = 3
	methodOptions  = 4
)

// serviceAnnotation returns the service's annotation, nil if there is none.
func serviceAnnotation(s *protogen.Service) *gozmqv1.ServiceOptions {
	return annotation[*gozmqv1.ServiceOptions](s.Desc, gozmqv1.E_Service)
}

// methodAnnotation returns the method's annotation, nil if there is none.
func methodAnnotation(m *protogen.Method) *gozmqv1.MethodOptions {
	return annotation[*gozmqv1.MethodOptions](m.Desc, gozmqv1.E_Method)
}

// messageAnnotation returns the message's annotation, nil if there is none.
func messageAnnotation(m *protogen.Message) *gozmqv1.MessageOptions {
	return annotation[*gozmqv1.MessageOptions](m.Desc, gozmqv1.E_Message)
}

func annotation[T proto.Message](d protoreflect.Descriptor, xt protoreflect.ExtensionType) T {
	var none T
	opts := d.Options()
	if opts == nil || !proto.HasExtension(opts, xt) {
		return none
	}
	value, ok := proto.GetExtension(opts, xt).(T)
	if !ok {
		return none
	}
	return value
}

type (
	messageOpts = descriptorpb.MessageOptions
	serviceOpts = descriptorpb.ServiceOptions
	methodOpts  = descriptorpb.MethodOptions
)

// options returns the standard options of d; nil is a valid value of them.
func options[T proto.Message](d protoreflect.Descriptor) T {
	opts, _ := d.Options().(T)
	return opts
}

// annotated reports whether the service or one of its methods has any
// annotation of ours.
func annotated(s *protogen.Service) bool {
	if serviceAnnotation(s) != nil {
		return true
	}
	for _, m := range s.Methods {
		if methodAnnotation(m) != nil {
			return true
		}
	}
	return false
}

// inService, inMethod and inMessage lead to a field of our option.
func inService(fields ...int32) []int32 {
	return append([]int32{serviceOptions, extension}, fields...)
}

func inMethod(fields ...int32) []int32 {
	return append([]int32{methodOptions, extension}, fields...)
}

func inMessage(fields ...int32) []int32 {
	return append([]int32{messageOptions, extension}, fields...)
}
