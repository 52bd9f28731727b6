package check

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/generator/internal/input"
)

// An Image is one version of a set of .proto files, with all files that they
// import. It is immutable, and may be used concurrently.
type Image struct {
	files   []*descriptorpb.FileDescriptorProto
	imports map[string]bool
}

// NewImage makes an image from descriptors, which it copies, and which must include
// all imports. Files for which isImport returns true are used by the others, but
// are not checked; a nil isImport selects Google's and gozmq's own files.
func NewImage(files []*descriptorpb.FileDescriptorProto, isImport func(path string) bool) (*Image, error) {
	img := &Image{imports: map[string]bool{}}
	for _, f := range files {
		own, err := copyOf(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.GetName(), err)
		}
		img.files = append(img.files, own)
		if isImport == nil {
			img.imports[f.GetName()] = isLibrary(f)
		} else {
			img.imports[f.GetName()] = isImport(f.GetName())
		}
	}
	if err := img.complete(); err != nil {
		return nil, err
	}
	if err := input.Annotate(img.files); err != nil {
		return nil, err
	}
	return img, nil
}

// copyOf copies f by encoding it, so that the annotations in the copy are
// undecoded, even if the compiler has decoded them to types of its own.
func copyOf(f *descriptorpb.FileDescriptorProto) (*descriptorpb.FileDescriptorProto, error) {
	data, err := proto.Marshal(f)
	if err != nil {
		return nil, err
	}
	out := &descriptorpb.FileDescriptorProto{}
	return out, proto.Unmarshal(data, out)
}

// isLibrary reports whether f is one of the files that come with a compiler or
// with gozmq.
func isLibrary(f *descriptorpb.FileDescriptorProto) bool {
	return f.GetPackage() == "google.protobuf" || strings.HasPrefix(f.GetPackage(), "google.protobuf.") ||
		f.GetPackage() == "gozmq.v1" && strings.HasPrefix(f.GetName(), "gozmq/v1/")
}

// complete puts each file after those that it imports. It fails when files are
// missing or do not belong together.
func (img *Image) complete() error {
	byName := map[string]*descriptorpb.FileDescriptorProto{}
	for _, f := range img.files {
		if byName[f.GetName()] != nil {
			return fmt.Errorf("the file %s occurs twice", f.GetName())
		}
		byName[f.GetName()] = f
	}
	for _, f := range img.files {
		for _, name := range f.GetDependency() {
			if byName[name] == nil {
				return fmt.Errorf("%s imports %s, which is missing; make the file with \"buf build -o\", or with protoc and --include_imports --include_source_info", f.GetName(), name)
			}
		}
	}
	if _, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: img.files}); err != nil {
		return err
	}
	var ordered []*descriptorpb.FileDescriptorProto
	done := map[string]bool{}
	var visit func(f *descriptorpb.FileDescriptorProto)
	visit = func(f *descriptorpb.FileDescriptorProto) {
		if done[f.GetName()] {
			return
		}
		done[f.GetName()] = true
		for _, name := range f.GetDependency() {
			visit(byName[name])
		}
		ordered = append(ordered, f)
	}
	for _, f := range img.files {
		visit(f)
	}
	img.files = ordered
	return nil
}

// errNoImage is the error for bytes in another format.
var errNoImage = errors.New("it is neither an image nor a descriptor set; make it with \"buf build -o NAME.binpb\", or with protoc --include_imports --include_source_info --descriptor_set_out=NAME.binpb")

// ReadImage decodes a .binpb image of "buf build -o", or a descriptor set of protoc
// --descriptor_set_out. An image marks the files that are only imported; in a
// descriptor set, Google's and gozmq's own files count as imports.
func ReadImage(data []byte) (*Image, error) {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, set); err != nil || len(set.GetFile()) == 0 {
		return nil, errNoImage
	}
	marks, marked := map[string]bool{}, false
	for _, f := range set.GetFile() {
		if f.GetName() == "" {
			return nil, errNoImage
		}
		isImport, ok := bufMark(f.ProtoReflect().GetUnknown())
		marks[f.GetName()], marked = isImport, marked || ok
		f.ProtoReflect().SetUnknown(nil)
	}
	if !marked {
		return NewImage(set.GetFile(), nil)
	}
	return NewImage(set.GetFile(), func(path string) bool { return marks[path] })
}

// The fields of buf.alpha.image.v1.ImageFile that FileDescriptorProto does not
// have.
const (
	bufExtension = 8042 // ImageFile.buf_extension
	bufIsImport  = 1    // ImageFileExtension.is_import
)

// bufMark finds buf's mark among the unknown fields of a file. ok is false if buf
// has not written the file.
func bufMark(unknown []byte) (isImport, ok bool) {
	if remarks, found := field(unknown, bufExtension); found {
		content, n := protowire.ConsumeBytes(remarks)
		if n < 0 {
			return false, false
		}
		value, _ := field(content, bufIsImport)
		mark, n := protowire.ConsumeVarint(value)
		return n > 0 && mark != 0, true
	}
	return false, false
}

// field returns the bytes of a field in an encoded message.
func field(message []byte, number protowire.Number) ([]byte, bool) {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return nil, false
		}
		message = message[size:]
		if n == number {
			return message, true
		}
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return nil, false
		}
		message = message[size:]
	}
	return nil, false
}
