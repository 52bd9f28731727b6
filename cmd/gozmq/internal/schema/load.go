package schema

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

// Image reads a descriptor image, as "buf build -o" and protoc with
// --include_imports --descriptor_set_out write it.
func Image(path string) (*Schema, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(b, set); err != nil || len(set.GetFile()) == 0 {
		return nil, fmt.Errorf("%s is no descriptor image; make one with \"buf build -o %s\"", path, path)
	}
	return FromFiles(path, set, nil)
}

// Protos compiles .proto files. imports are the folders that are searched for them
// and their imports; none: the folder of each file. The folders need not contain
// gozmq's annotations and protobuf's files.
func Protos(ctx context.Context, paths, imports []string) (*Schema, error) {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = p
		if len(imports) == 0 {
			imports = []string{filepath.Dir(p)}
		}
		for _, dir := range imports {
			if rel, err := filepath.Rel(dir, p); err == nil && !strings.HasPrefix(rel, "..") {
				names[i] = filepath.ToSlash(rel)
				break
			}
		}
	}
	own := protocompile.ResolverFunc(ownFile)
	compiler := protocompile.Compiler{
		Resolver:       protocompile.CompositeResolver{&protocompile.SourceResolver{ImportPaths: imports}, own, protocompile.WithStandardImports(own)},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, err
	}
	set, have := &descriptorpb.FileDescriptorSet{}, map[string]bool{}
	for _, f := range compiled {
		addFile(set, have, f)
	}
	return FromFiles(strings.Join(paths, ", "), set, nil)
}

// ownFile resolves the files of gozmq itself.
func ownFile(path string) (protocompile.SearchResult, error) {
	for _, f := range []protoreflect.FileDescriptor{
		annotations.File_gozmq_v1_annotations_proto, gozmqv1.File_gozmq_v1_describe_proto, gozmqv1.File_gozmq_v1_health_proto, gozmqv1.File_gozmq_v1_wire_proto,
		adminv1.File_gozmq_v1_admin_proto,
	} {
		if f.Path() == path {
			return protocompile.SearchResult{Desc: f}, nil
		}
	}
	return protocompile.SearchResult{}, fmt.Errorf("%s: %w", path, os.ErrNotExist)
}

// addFile adds f after its imports, once.
func addFile(set *descriptorpb.FileDescriptorSet, have map[string]bool, f protoreflect.FileDescriptor) {
	if have[f.Path()] {
		return
	}
	have[f.Path()] = true
	imports := f.Imports()
	for i := range imports.Len() {
		addFile(set, have, imports.Get(i).FileDescriptor)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
}

// ErrNotDescribed is in the error of Live when who answers does not describe
// itself.
var ErrNotDescribed = errors.New("it does not describe itself")

// errNotDescribed says what to do about a server that answers no question.
func errNotDescribed(source string) error {
	return fmt.Errorf("%s: %w; pass --image or --proto, or register gozmqdescribe in the server", source, ErrNotDescribed)
}

// Admin asks the admin service of a process for the services of all its roles.
// Where the server has none, it describes itself as any server.
func Admin(ctx context.Context, c gozmq.Caller, source string) (*Schema, error) {
	s, err := roles(ctx, c, source, false)
	if gozmq.CodeOf(err) == gozmq.CodeUnimplemented {
		s, err = describer(ctx, c, source)
	}
	if gozmq.CodeOf(err) == gozmq.CodeUnimplemented {
		err = errNotDescribed(source)
	}
	return s, err
}

// Live asks a running server for its schema (gozmq.v1.Describer). A server that has
// the admin service instead answers for all roles of its process.
func Live(ctx context.Context, c gozmq.Caller, source string) (*Schema, error) {
	s, err := describer(ctx, c, source)
	if gozmq.CodeOf(err) == gozmq.CodeUnimplemented {
		s, err = roles(ctx, c, source, true)
	}
	if gozmq.CodeOf(err) == gozmq.CodeUnimplemented {
		err = errNotDescribed(source)
	}
	return s, err
}

// roles asks the admin service. With itself set, the schema has that service, too.
func roles(ctx context.Context, c gozmq.Caller, source string, itself bool) (*Schema, error) {
	resp, err := adminv1gozmq.NewAdminClient(c).DescribeRoles(ctx, &adminv1.DescribeRolesRequest{})
	if err != nil {
		return nil, err
	}
	names := []string{}
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, role := range resp.GetRoles() {
		for _, svc := range role.GetServices() {
			add(svc.GetName())
		}
	}
	set := resp.GetFiles()
	if itself {
		add(adminv1gozmq.AdminName)
		if set == nil {
			set = &descriptorpb.FileDescriptorSet{}
		}
		have := map[string]bool{}
		for _, f := range set.GetFile() {
			have[f.GetName()] = true
		}
		addFile(set, have, adminv1.File_gozmq_v1_admin_proto)
	}
	return FromFiles(source, set, names)
}

// describer asks the service Describer.
func describer(ctx context.Context, c gozmq.Caller, source string) (*Schema, error) {
	resp, err := gozmqv1gozmq.NewDescriberClient(c).Describe(ctx, &gozmqv1.DescribeRequest{})
	if err != nil {
		return nil, err
	}
	names := resp.GetServices()
	if names == nil {
		names = []string{}
	}
	return FromFiles(source, resp.GetFiles(), names)
}
