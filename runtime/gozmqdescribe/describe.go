// Package gozmqdescribe serves gozmq.v1.Describer, which returns the
// descriptors of a server's services, so that a client can call them without
// the .proto files. Clients in Go call it with gozmqv1gozmq.NewDescriberClient
// and make messages with google.golang.org/protobuf/types/dynamicpb.
package gozmqdescribe

import (
	"context"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
	"github.com/gozmq/gozmq/runtime/internal/fileset"
)

// A Registry registers services and lists them; a *gozmq.Server is one.
type Registry interface {
	gozmq.Registrar
	// Services returns the services that are registered, sorted by name. It may
	// be called from any goroutine.
	Services() []gozmqimpl.Service
}

// Register serves gozmq.v1.Describer through srv. It describes all services of
// srv, including itself and those registered later. It fails when srv has this
// service already, is running, or has a service with bare framing.
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
	var files fileset.Files
	for _, svc := range services {
		resp.Services = append(resp.Services, svc.Name)
		if svc.Descriptor == nil || req.GetNamesOnly() {
			continue
		}
		if err := files.Add(svc.Descriptor.ParentFile()); err != nil {
			return nil, gozmq.Errorf(gozmq.CodeFailedPrecondition, "describe %s: %w", svc.Name, err)
		}
	}
	if !req.GetNamesOnly() {
		resp.Files = files.Set()
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
