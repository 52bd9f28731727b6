package check_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/generator/check"
)

// compile compiles sources, and returns them with all that they import.
func compile(t *testing.T, sources map[string]string) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	c := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)},
			&protocompile.SourceResolver{ImportPaths: []string{"../../proto"}},
		}),
		SourceInfoMode: protocompile.SourceInfoExtraOptionLocations, // as buf has it
	}
	var names []string
	for name := range sources {
		names = append(names, name)
	}
	compiled, err := c.Compile(context.Background(), names...)
	if err != nil {
		t.Fatal(err)
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

func image(t *testing.T, sources map[string]string) *check.Image {
	t.Helper()
	img, err := check.NewImage(compile(t, sources), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// An edit replaces text; it must be there once.
type edit struct{ from, to string }

func (e edit) apply(t *testing.T, source string) string {
	t.Helper()
	if n := strings.Count(source, e.from); n != 1 {
		t.Fatalf("%q is there %d times", e.from, n)
	}
	return strings.Replace(source, e.from, e.to, 1)
}

// summary is "RULE name" for each finding.
func summary(findings []check.Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, strings.TrimPrefix(f.Rule, "GOZMQ_")+" "+f.Name)
	}
	return strings.Join(lines, "\n")
}
