package schema

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Types finds message types and extensions first in a schema, then in this program,
// which knows the types of protobuf and gozmq. It is a resolver for protojson and
// prototext. The zero value knows only this program's.
type Types struct{ own *dynamicpb.Types }

// FindMessageByName implements protoregistry.MessageTypeResolver.
func (t Types) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if t.own != nil {
		if m, err := t.own.FindMessageByName(name); err == nil {
			return m, nil
		}
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

// FindMessageByURL implements protoregistry.MessageTypeResolver.
func (t Types) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if t.own != nil {
		if m, err := t.own.FindMessageByURL(url); err == nil {
			return m, nil
		}
	}
	return protoregistry.GlobalTypes.FindMessageByURL(url)
}

// FindExtensionByName implements protoregistry.ExtensionTypeResolver.
func (t Types) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	if t.own != nil {
		if x, err := t.own.FindExtensionByName(name); err == nil {
			return x, nil
		}
	}
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

// FindExtensionByNumber implements protoregistry.ExtensionTypeResolver.
func (t Types) FindExtensionByNumber(message protoreflect.FullName, field protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	if t.own != nil {
		if x, err := t.own.FindExtensionByNumber(message, field); err == nil {
			return x, nil
		}
	}
	return protoregistry.GlobalTypes.FindExtensionByNumber(message, field)
}
