package annotations

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Types returns a registry that has the extensions of this package and nothing
// else. Decode descriptors with it as the resolver to read their annotations.
//
// The extensions are not in protoregistry.GlobalTypes: their number is in the
// range that everyone may use, and a program in which another option has the
// same number would panic as it starts.
func Types() *protoregistry.Types {
	types := new(protoregistry.Types)
	for i := range file_gozmq_v1_annotations_proto_extTypes {
		if err := types.RegisterExtension(&file_gozmq_v1_annotations_proto_extTypes[i]); err != nil {
			panic(err) // the three extend three messages
		}
	}
	return types
}

// globalButExtensions registers messages and enums as all generated code does,
// and no extensions.
type globalButExtensions struct{}

func (globalButExtensions) RegisterMessage(t protoreflect.MessageType) error {
	return protoregistry.GlobalTypes.RegisterMessage(t)
}

func (globalButExtensions) RegisterEnum(t protoreflect.EnumType) error {
	return protoregistry.GlobalTypes.RegisterEnum(t)
}

func (globalButExtensions) RegisterExtension(protoreflect.ExtensionType) error { return nil }
