package plan

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// The fields of descriptors that lead to the place of a fault.
const (
	fileOptions    = 8  // FileDescriptorProto.options
	goPackageField = 11 // FileOptions.go_package
	messageOptions = 7  // DescriptorProto.options
	serviceOptions = 3  // ServiceDescriptorProto.options
	methodOptions  = 4  // MethodDescriptorProto.options
	outputType     = 3  // MethodDescriptorProto.output_type

	clientStreaming = 5 // MethodDescriptorProto.client_streaming
	serverStreaming = 6 // MethodDescriptorProto.server_streaming
)

// serviceAnnotation returns the service's annotation, nil if there is none.
func serviceAnnotation(s *protogen.Service) *annotations.ServiceOptions {
	return annotation[*annotations.ServiceOptions](s.Desc, annotations.E_Service)
}

// methodAnnotation returns the method's annotation, nil if there is none.
func methodAnnotation(m *protogen.Method) *annotations.MethodOptions {
	return annotation[*annotations.MethodOptions](m.Desc, annotations.E_Method)
}

// messageAnnotation returns the message's annotation, nil if there is none.
func messageAnnotation(m *protogen.Message) *annotations.MessageOptions {
	return annotation[*annotations.MessageOptions](m.Desc, annotations.E_Message)
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

// inService, inMethod and inMessage return the path to a field of our option.
func inService(fields ...int32) []int32 {
	return append([]int32{serviceOptions, optionfield.Extension}, fields...)
}

func inMethod(fields ...int32) []int32 {
	return append([]int32{methodOptions, optionfield.Extension}, fields...)
}

func inMessage(fields ...int32) []int32 {
	return append([]int32{messageOptions, optionfield.Extension}, fields...)
}

// MethodTopic leads from a method to its topic.
func MethodTopic() []int32 { return inMethod(optionfield.MethodTopic) }

// MethodTask leads from a method to its task.
func MethodTask() []int32 { return inMethod(optionfield.MethodTask) }

// MethodTimeout leads from a method to its timeout.
func MethodTimeout() []int32 { return inMethod(optionfield.MethodTimeout) }

// MessageTopic leads from a message to its topic.
func MessageTopic() []int32 { return inMessage(optionfield.MessageTopic) }

// MessageTask leads from a message to its task.
func MessageTask() []int32 { return inMessage(optionfield.MessageTask) }

// ServiceOption leads from a service to its annotation.
func ServiceOption() []int32 { return inService() }

// ServiceDelivery leads from a service to its delivery.
func ServiceDelivery() []int32 { return inService(optionfield.ServiceDelivery) }
