package generator

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/pluginpb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// decode decodes a request. Our options are decoded as such unless the build
// has another option of that number: it is free for everyone's own use.
func decode(request []byte) (*pluginpb.CodeGeneratorRequest, error) {
	req := &pluginpb.CodeGeneratorRequest{}
	if err := (proto.UnmarshalOptions{Resolver: withoutOurs{protoregistry.GlobalTypes}}).Unmarshal(request, req); err != nil {
		return nil, err
	}
	if numberIsTaken(req) {
		return req, nil
	}
	req = &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(request, req); err != nil {
		return nil, err
	}
	return req, nil
}

// numberIsTaken reports whether a file of the build gives the number of our
// options to another one. That ours are declared cannot be asked for: a file of
// edition 2024 that imports them for their use alone comes without them.
func numberIsTaken(req *pluginpb.CodeGeneratorRequest) bool {
	number := int32(gozmqv1.E_Service.TypeDescriptor().Number())
	for _, f := range req.GetProtoFile() {
		if f.GetPackage() == string(gozmqv1.File_gozmq_v1_annotations_proto.Package()) {
			return false
		}
	}
	for _, f := range req.GetProtoFile() {
		extensions := f.GetExtension()
		for _, m := range f.GetMessageType() {
			extensions = append(extensions, m.GetExtension()...)
		}
		for _, x := range extensions {
			switch x.GetExtendee() {
			case ".google.protobuf.ServiceOptions", ".google.protobuf.MethodOptions", ".google.protobuf.MessageOptions":
				if x.GetNumber() == number {
					return true
				}
			}
		}
	}
	return false
}

// withoutOurs resolves every extension but our own.
type withoutOurs struct{ *protoregistry.Types }

func (r withoutOurs) FindExtensionByNumber(message protoreflect.FullName, n protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	xt, err := r.Types.FindExtensionByNumber(message, n)
	if err == nil && xt.TypeDescriptor().FullName().Parent() == gozmqv1.File_gozmq_v1_annotations_proto.Package() {
		return nil, protoregistry.NotFound
	}
	return xt, err
}
