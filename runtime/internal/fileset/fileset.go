// Package fileset collects the files that define services, with all files that they
// import.
package fileset

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Files holds files and all their imports, each once and after its own imports. The
// zero value is empty.
type Files struct {
	list []*descriptorpb.FileDescriptorProto
	have map[string]bool
}

// Add adds a file, if it is not there yet. It fails when the program lacks an
// import.
func (f *Files) Add(file protoreflect.FileDescriptor) error {
	if f.have[file.Path()] {
		return nil
	}
	if f.have == nil {
		f.have = make(map[string]bool)
	}
	f.have[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		if imports.Get(i).IsPlaceholder() {
			return fmt.Errorf("%s imports %s, which the program does not have", file.Path(), imports.Get(i).Path())
		}
		if err := f.Add(imports.Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	f.list = append(f.list, protodesc.ToFileDescriptorProto(file))
	return nil
}

// Set returns the files.
func (f *Files) Set() *descriptorpb.FileDescriptorSet {
	return &descriptorpb.FileDescriptorSet{File: f.list}
}
