// Package input decodes the input of the generator and the checks: requests, the
// annotations in them, and the plugin's options.
package input

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// number is the number of the annotations.
var number = annotations.E_Service.TypeDescriptor().Number()

// Decode decodes a request and the annotations in it.
func Decode(request []byte) (*pluginpb.CodeGeneratorRequest, error) {
	req := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(request, req); err != nil {
		return nil, err
	}
	return req, Annotate(req.GetProtoFile())
}

// Annotate decodes the annotations in files, which are all files of a build, in
// place. If the build declares another option with the annotations' number, it
// decodes none: anyone may use that number.
func Annotate(files []*descriptorpb.FileDescriptorProto) error {
	declared := slices.ContainsFunc(files, declaresAnnotations)
	if !declared && slices.ContainsFunc(files, declaresNumber) {
		return nil
	}
	r := optionReader{types: annotations.Types(), strict: declared}
	for _, f := range files {
		if err := r.file(f); err != nil {
			return fmt.Errorf("%s: %w", f.GetName(), err)
		}
	}
	return nil
}

// declaresAnnotations reports whether f is the file of the annotations.
func declaresAnnotations(f *descriptorpb.FileDescriptorProto) bool {
	return f.GetPackage() == string(annotations.File_gozmq_v1_annotations_proto.Package()) && len(f.GetExtension()) > 0
}

// declaresNumber reports whether f declares an option with the annotations' number,
// at the top level or in a message at any depth.
func declaresNumber(f *descriptorpb.FileDescriptorProto) bool {
	return slices.ContainsFunc(f.GetExtension(), hasNumber) || slices.ContainsFunc(f.GetMessageType(), nestsNumber)
}

func nestsNumber(m *descriptorpb.DescriptorProto) bool {
	return slices.ContainsFunc(m.GetExtension(), hasNumber) || slices.ContainsFunc(m.GetNestedType(), nestsNumber)
}

func hasNumber(x *descriptorpb.FieldDescriptorProto) bool {
	switch x.GetExtendee() {
	case ".google.protobuf.ServiceOptions", ".google.protobuf.MethodOptions", ".google.protobuf.MessageOptions":
		return x.GetNumber() == int32(number)
	}
	return false
}

// An optionReader decodes annotations, which the request's decoder leaves as
// unknown fields.
type optionReader struct {
	types *protoregistry.Types
	// strict makes an annotation that cannot be decoded an error. Without it, such
	// an option is foreign: a file of edition 2024 can import options for use only,
	// and the request then does not name their file.
	strict bool
}

func (r optionReader) file(f *descriptorpb.FileDescriptorProto) error {
	for _, s := range f.GetService() {
		if err := r.options(s.GetOptions()); err != nil {
			return fmt.Errorf("service %s: %w", s.GetName(), err)
		}
		for _, m := range s.GetMethod() {
			if err := r.options(m.GetOptions()); err != nil {
				return fmt.Errorf("method %s.%s: %w", s.GetName(), m.GetName(), err)
			}
		}
	}
	return r.messages(f.GetMessageType())
}

func (r optionReader) messages(messages []*descriptorpb.DescriptorProto) error {
	for _, m := range messages {
		if err := r.options(m.GetOptions()); err != nil {
			return fmt.Errorf("message %s: %w", m.GetName(), err)
		}
		if err := r.messages(m.GetNestedType()); err != nil {
			return err
		}
	}
	return nil
}

// options decodes the annotation among the unknown fields of opts, if any.
func (r optionReader) options(opts proto.Message) error {
	m := opts.ProtoReflect()
	unknown := m.GetUnknown()
	if !containsNumber(unknown) {
		return nil
	}
	known := m.New().Interface()
	if err := (proto.UnmarshalOptions{Resolver: r.types}).Unmarshal(unknown, known); err != nil {
		if r.strict {
			return err
		}
		return nil
	}
	m.SetUnknown(nil)
	proto.Merge(opts, known)
	return nil
}

func containsNumber(fields protoreflect.RawFields) bool {
	for len(fields) > 0 {
		n, _, size := protowire.ConsumeField(fields)
		if size < 0 {
			return false
		}
		if n == number {
			return true
		}
		fields = fields[size:]
	}
	return false
}
