// Package generator generates Go code for ZeroMQ from protobuf services and
// messages with gozmq's annotations.
package generator

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/generator/internal/input"
	"github.com/gozmq/gozmq/generator/internal/plan"
	"github.com/gozmq/gozmq/generator/internal/render"
)

// Version is the version of the generator.
const Version = "0.1.0"

// Generate answers an encoded CodeGeneratorRequest. The response's error lists all
// faults that the user must correct, one per line. Generate itself fails only when
// the request cannot be decoded.
func Generate(request []byte) (*pluginpb.CodeGeneratorResponse, error) {
	req, err := input.Decode(request)
	if err != nil {
		return nil, fmt.Errorf("decode the request: %w", err)
	}
	opts := input.NewOptions()
	gen, err := protogen.Options{ParamFunc: opts.Set}.New(req)
	if err == nil {
		err = opts.Err()
	}
	if err != nil {
		return failure(input.WithPlace(req, err)), nil
	}
	declare(gen)
	files, err := plan.Build(gen, opts.Options)
	if err != nil {
		gen.Error(err)
		return gen.Response(), nil
	}
	for _, f := range files {
		if _, err := gen.NewGeneratedFile(f.Filename, f.ImportPath).Write(withoutForbidden(render.File(f))); err != nil {
			gen.Error(err)
		}
	}
	return gen.Response(), nil
}

// withoutForbidden removes the characters that Go allows nowhere in a file, and
// replaces invalid UTF-8. Such bytes come from comments and names of .proto files;
// in string literals they are escaped.
func withoutForbidden(source []byte) []byte {
	source = bytes.ToValidUTF8(source, []byte("\ufffd"))
	source = bytes.ReplaceAll(source, []byte("\x00"), nil)
	return bytes.ReplaceAll(source, []byte("\ufeff"), nil)
}

// declare announces which kinds of files the generator accepts.
func declare(gen *protogen.Plugin) {
	gen.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL | pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)
	gen.SupportedEditionsMinimum = descriptorpb.Edition_EDITION_PROTO2
	gen.SupportedEditionsMaximum = descriptorpb.Edition_EDITION_2024
}

func failure(err error) *pluginpb.CodeGeneratorResponse {
	gen := &protogen.Plugin{}
	declare(gen)
	gen.Error(err)
	return gen.Response()
}
