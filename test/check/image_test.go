package check_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/generator/check"
)

// encode encodes files as protoc does, or as buf does, with its mark in each.
func encode(t *testing.T, files []*descriptorpb.FileDescriptorProto, imports ...string) []byte {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	for _, f := range files {
		f = proto.CloneOf(f)
		if len(imports) > 0 {
			var mark []byte
			for _, name := range imports {
				if name == f.GetName() {
					mark = protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
				}
			}
			f.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 8042, protowire.BytesType), mark))
		}
		set.File = append(set.File, f)
	}
	data, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What buf marks as an import is not checked.
func TestReadImage(t *testing.T) {
	files := compile(t, map[string]string{
		"a.proto": `syntax = "proto3"; package a; import "b.proto"; option go_package = "example.com/a"; message A { b.B b = 1; }`,
		"b.proto": `syntax = "proto3"; package b; import "gozmq/v1/annotations.proto"; option go_package = "example.com/b"; message B { option (gozmq.v1.message) = {}; }`,
	})
	for name, tt := range map[string]struct {
		imports []string
		want    string
	}{
		"protoc":   {nil, "ANNOTATION_MEANS_SOMETHING b.B"},
		"buf":      {[]string{"google/protobuf/descriptor.proto", "gozmq/v1/annotations.proto"}, "ANNOTATION_MEANS_SOMETHING b.B"},
		"imported": {[]string{"b.proto"}, ""},
	} {
		img, err := check.ReadImage(encode(t, files, tt.imports...))
		if err != nil {
			t.Fatal(err)
		}
		findings, err := check.Lint(img, check.Options{})
		if got := summary(findings); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
}

// Each error says what to do.
func TestReadImageErrors(t *testing.T) {
	files := compile(t, map[string]string{"more.proto": more, "b.proto": `syntax = "proto3"; import "more.proto"; message B { more.v1.Thing t = 1; }`})
	var alone []*descriptorpb.FileDescriptorProto
	for _, f := range files {
		if f.GetName() == "b.proto" {
			alone = append(alone, f)
		}
	}
	whole := encode(t, files)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":           {nil, "buf build -o"},
		"text":            {[]byte("syntax = \"proto3\";"), "it is neither an image"},
		"cut off":         {whole[:len(whole)/2], "it is neither an image"},
		"without imports": {encode(t, alone), "b.proto imports more.proto, which is missing; make the file with"},
		"twice":           {append(whole[:len(whole):len(whole)], whole...), "occurs twice"},
	} {
		_, err := check.ReadImage(tt.data)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, tt.want)
		}
	}
}

// An image is not changed by checks, so that several may use it at once.
func TestImageIsShared(t *testing.T) {
	img := image(t, map[string]string{"base.proto": base(t)})
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := check.Breaking(img, img, check.Options{})
			if err == nil {
				_, err = check.Lint(img, check.Options{})
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
