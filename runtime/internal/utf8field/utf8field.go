// Package utf8field finds the string field of a message that is not valid UTF-8, so
// that errors can name it.
package utf8field

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Named returns err, from decoding body into m, with the field's name added when
// the error is about a string that is not UTF-8.
func Named(body []byte, m proto.Message, err error) error {
	var invalid interface{ InvalidUTF8() bool }
	if !errors.As(err, &invalid) || !invalid.InvalidUTF8() {
		return err
	}
	// The generated code does not name the field; reflection does.
	if named := proto.Unmarshal(body, dynamicpb.NewMessage(m.ProtoReflect().Descriptor())); named != nil {
		return named
	}
	return err
}

// Suffix names the field that err, from encoding m, is about, as in ": field
// greet.v1.HelloRequest.name"; "" when err is about another problem.
func Suffix(m proto.Message, err error) string {
	var invalid interface{ InvalidUTF8() bool }
	if !errors.As(err, &invalid) || !invalid.InvalidUTF8() {
		return ""
	}
	if fd := invalidField(m.ProtoReflect()); fd != nil {
		return fmt.Sprintf(": field %s", fd.FullName())
	}
	return ""
}

// invalidField returns a string field of m, or of a message in it, that must be
// UTF-8 but is not; nil when there is none.
func invalidField(m protoreflect.Message) (found protoreflect.FieldDescriptor) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			v.Map().Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
				if found = invalidValue(fd.MapKey(), key.Value()); found == nil {
					found = invalidValue(fd.MapValue(), v)
				}
				if found != nil && found.ContainingMessage() == fd.Message() {
					found = fd // users do not know the names of a map entry's fields
				}
				return found == nil
			})
		case fd.IsList():
			for i := 0; i < v.List().Len() && found == nil; i++ {
				found = invalidValue(fd, v.List().Get(i))
			}
		default:
			found = invalidValue(fd, v)
		}
		return found == nil
	})
	return found
}

// invalidValue returns fd when v, one value of it, is a string that must be UTF-8
// but is not, and the nested field when v is a message with one.
func invalidValue(fd protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.FieldDescriptor {
	switch fd.Kind() {
	case protoreflect.StringKind:
		if enforcesUTF8(fd) && !utf8.ValidString(v.String()) {
			return fd
		}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return invalidField(v.Message())
	}
	return nil
}

// enforcesUTF8 reports whether a field's strings must be UTF-8; in proto2 they need
// not be.
func enforcesUTF8(fd protoreflect.FieldDescriptor) bool {
	if fd, ok := fd.(interface{ EnforceUTF8() bool }); ok {
		return fd.EnforceUTF8()
	}
	return fd.Syntax() != protoreflect.Proto2
}
