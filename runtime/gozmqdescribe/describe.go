// Package gozmqdescribe serves gozmq.v1.Describer: it returns the descriptors
// of what a server serves, so that a client can call it without the .proto
// files. Clients in Go call it with gozmqv1gozmq.NewDescriberClient and make
// messages with google.golang.org/protobuf/types/dynamicpb.
package gozmqdescribe

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

// A Registry takes services and tells which it has; a *gozmq.Server is one.
type Registry interface {
	gozmq.Registrar
	// Services returns the services that are registered, sorted by name. It may
	// be called from any goroutine.
	Services() []gozmqimpl.Service
}

// Register serves gozmq.v1.Describer through srv. It describes all that srv
// has, itself included, whether registered before or after. It fails where srv
// does: when it has such a service, runs already, or has a service with bare
// framing.
func Register(srv Registry) error {
	return gozmqv1gozmq.RegisterDescriberServer(srv, &server{registry: srv})
}

type server struct {
	gozmqv1gozmq.UnimplementedDescriberServer
	registry Registry
}

// Describe returns the services that are asked for, or all.
func (s *server) Describe(_ context.Context, req *gozmqv1.DescribeRequest) (*gozmqv1.DescribeResponse, error) {
	services, err := pick(s.registry.Services(), req.GetServices())
	if err != nil {
		return nil, err
	}
	resp := &gozmqv1.DescribeResponse{}
	var files files
	for _, svc := range services {
		resp.Services = append(resp.Services, svc.Name)
		if svc.Descriptor == nil || req.GetNamesOnly() {
			continue
		}
		if err := files.add(svc.Descriptor.ParentFile()); err != nil {
			return nil, gozmq.Errorf(gozmq.CodeFailedPrecondition, "describe %s: %w", svc.Name, err)
		}
	}
	if !req.GetNamesOnly() {
		resp.Files = &descriptorpb.FileDescriptorSet{File: files.list}
	}
	return resp, nil
}

// pick returns the services with these names, in the order of all; all of them
// when there are no names.
func pick(all []gozmqimpl.Service, names []string) ([]gozmqimpl.Service, error) {
	if len(names) == 0 {
		return all, nil
	}
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	var picked []gozmqimpl.Service
	for _, svc := range all {
		if wanted[svc.Name] {
			picked = append(picked, svc)
			delete(wanted, svc.Name)
		}
	}
	for _, name := range names {
		if wanted[name] {
			return nil, gozmq.Errorf(gozmq.CodeNotFound, "service %.128q is not served here", name)
		}
	}
	return picked, nil
}

// files are files with all that they import, each once and behind its imports.
type files struct {
	list []*descriptorpb.FileDescriptorProto
	have map[string]bool
}

func (f *files) add(file protoreflect.FileDescriptor) error {
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
		if err := f.add(imports.Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	f.list = append(f.list, protodesc.ToFileDescriptorProto(file))
	return nil
}
