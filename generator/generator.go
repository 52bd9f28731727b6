// Package generator makes Go code for ZeroMQ out of protobuf services and
// messages that carry gozmq's annotations.
package generator

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/generator/internal/plan"
	"github.com/gozmq/gozmq/generator/internal/render"
)

// Version is the version of the generator.
const Version = "0.1.0"

// Generate answers an encoded CodeGeneratorRequest. What the user has to change
// is in the response's error, all of it at once, one line each. Warnings are
// lines for standard error. The error is that of a request that cannot be
// decoded.
func Generate(request []byte) (response *pluginpb.CodeGeneratorResponse, warnings []string, err error) {
	req, err := decode(request)
	if err != nil {
		return nil, nil, fmt.Errorf("decode the request: %w", err)
	}
	opts := newOptions()
	gen, err := protogen.Options{ParamFunc: opts.set}.New(req)
	if err == nil {
		err = opts.err()
	}
	if err != nil {
		return failure(err), nil, nil
	}
	declare(gen)
	files, warnings, err := plan.Build(gen, opts.Options)
	if err != nil {
		gen.Error(err)
		return gen.Response(), warnings, nil
	}
	for _, f := range files {
		if _, err := gen.NewGeneratedFile(f.Filename, f.ImportPath).Write(render.File(f)); err != nil {
			gen.Error(err)
		}
	}
	return gen.Response(), warnings, nil
}

// declare says which kinds of files the generator takes.
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
