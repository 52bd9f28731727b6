package generator_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// compile compiles files under root and returns them and all that they import,
// imports first, as protoc and buf send them.
func compile(t *testing.T, root string, files []string) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	return compileFrom(t, &protocompile.SourceResolver{ImportPaths: []string{root, "../../proto"}}, files)
}

// compileText is compile for sources that are in memory.
func compileText(t *testing.T, sources map[string]string, files ...string) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	return compileFrom(t, protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)},
		&protocompile.SourceResolver{ImportPaths: []string{"../../proto"}},
	}, files)
}

func compileFrom(t *testing.T, r protocompile.Resolver, files []string) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	var faults []error
	c := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(r),
		SourceInfoMode: protocompile.SourceInfoStandard,
		Reporter: reporter.NewReporter(func(err reporter.ErrorWithPos) error {
			faults = append(faults, err)
			return nil
		}, nil),
	}
	compiled, err := c.Compile(context.Background(), files...)
	if err != nil {
		t.Fatal(errors.Join(append(faults, err)...))
	}
	var out []*descriptorpb.FileDescriptorProto
	done := map[string]bool{}
	for _, f := range compiled {
		out = appendFile(out, f, done)
	}
	return out
}

func appendFile(out []*descriptorpb.FileDescriptorProto, f protoreflect.FileDescriptor, done map[string]bool) []*descriptorpb.FileDescriptorProto {
	if done[f.Path()] {
		return out
	}
	done[f.Path()] = true
	for i := range f.Imports().Len() {
		imported := f.Imports().Get(i).FileDescriptor
		if result, ok := f.(linker.File); ok {
			imported = result.FindImportByPath(imported.Path())
		}
		out = appendFile(out, imported, done)
	}
	return append(out, protoutil.ProtoFromFileDescriptor(f))
}

// decodeImage decodes what buf build writes.
func decodeImage(t *testing.T, image []byte) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(image, set); err != nil {
		t.Fatal(err)
	}
	for _, f := range set.File {
		f.ProtoReflect().SetUnknown(nil) // buf's own remarks
	}
	return set.File
}
