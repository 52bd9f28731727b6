// Package fileset collects the files that define services, with all that they
// import.
package fileset

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Files are files with all that they import, each once and behind its imports. The
// zero value has none.
type Files struct {
	list []*descriptorpb.FileDescriptorProto
	have map[string]bool
}

// Add adds a file, unless it is there. It fails when the program lacks an import.
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
