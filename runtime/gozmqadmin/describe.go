package gozmqadmin

import (
	"context"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
	"github.com/gozmq/gozmq/runtime/internal/fileset"
)

// DescribeRoles returns the services of roles, and the files that define them.
func (s *server) DescribeRoles(_ context.Context, req *adminv1.DescribeRolesRequest) (*adminv1.DescribeRolesResponse, error) {
	snapshot, err := s.sockets(req.GetRoles())
	if err != nil {
		return nil, err
	}
	resp := &adminv1.DescribeRolesResponse{}
	var files fileset.Files
	for _, socket := range snapshot.Sockets {
		role := &adminv1.RoleDescription{Name: valid(socket.Name), Side: socket.Side, Kind: kindOf(socket.Stats.Role)}
		for _, svc := range socket.Services {
			role.Services = append(role.Services, newService(&svc))
			if svc.Descriptor == nil || req.GetNamesOnly() {
				continue
			}
			if err := files.Add(svc.Descriptor.ParentFile()); err != nil {
				return nil, gozmq.Errorf(gozmq.CodeFailedPrecondition, "describe %s: %w", svc.Name, err)
			}
		}
		resp.Roles = append(resp.Roles, role)
	}
	if !req.GetNamesOnly() {
		resp.Files = files.Set()
	}
	return resp, nil
}

func newService(s *gozmqops.Service) *adminv1.ServiceDescription {
	out := &adminv1.ServiceDescription{
		Name: s.Name, Pattern: patternOf(s.Pattern), Framing: annotations.Framing_FRAMING_NAMED, Undescribed: s.Descriptor == nil,
	}
	if s.Bare {
		out.Framing = annotations.Framing_FRAMING_BARE
	}
	for i := range s.Methods {
		out.Methods = append(out.Methods, newMethod(&s.Methods[i], out.GetPattern()))
	}
	return out
}

func patternOf(name string) annotations.Pattern {
	switch name {
	case gozmq.PatternPubSub.String():
		return annotations.Pattern_PATTERN_PUB_SUB
	case gozmq.PatternPushPull.String():
		return annotations.Pattern_PATTERN_PUSH_PULL
	default:
		return annotations.Pattern_PATTERN_REQ_REP
	}
}

func newMethod(m *gozmqops.Method, p annotations.Pattern) *adminv1.MethodDescription {
	out := &adminv1.MethodDescription{
		Procedure: m.Procedure, Input: m.Input, Output: m.Output, ClientStreaming: m.ClientStreams, ServerStreaming: m.ServerStreams,
		Idempotent: m.Idempotent, Timeout: positive(m.Timeout),
	}
	switch p {
	case annotations.Pattern_PATTERN_PUB_SUB:
		out.Topic = &annotations.Topic{
			Template: m.TopicTemplate, Retain: m.Retain, LatestOnly: m.LatestOnly, Sequenced: m.Sequenced, Snapshot: m.Snapshot,
		}
	case annotations.Pattern_PATTERN_PUSH_PULL:
		out.Task = taskOf(m)
	default:
		if m.MaxAttempts > 0 {
			out.Retry = &annotations.Retry{MaxAttempts: u32(m.MaxAttempts)}
		}
	}
	return out
}

func taskOf(m *gozmqops.Method) *annotations.Task {
	t := &annotations.Task{
		Delivery: deliveryOf(m.Delivery), MaxAttempts: u32(m.MaxAttempts), Lease: positive(m.Lease),
		Limit: limitOf(m.Limit), LimitPerKey: limitOf(m.KeyLimit), Retain: positive(m.RetainTask),
	}
	if m.Backoff > 0 {
		t.Backoff = &annotations.Backoff{Initial: positive(m.Backoff), Max: positive(m.MaxBackoff), Multiplier: m.BackoffFactor}
	}
	return t
}

func limitOf(l gozmq.TaskLimit) *annotations.TaskLimit {
	if l == (gozmq.TaskLimit{}) {
		return nil
	}
	return &annotations.TaskLimit{Running: u32(l.Running), Every: positive(l.Every), Burst: u32(l.Burst)}
}

func deliveryOf(name string) annotations.Delivery {
	if name == gozmq.DeliveryAtLeastOnce.String() {
		return annotations.Delivery_DELIVERY_AT_LEAST_ONCE
	}
	return annotations.Delivery_DELIVERY_AT_MOST_ONCE
}
