package gozmqadmin

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

func newRole(s *gozmqops.Socket) *adminv1.Role {
	r := &adminv1.Role{
		Name: valid(s.Name), Side: s.Side, Kind: kindOf(s.Stats.Role), Ready: s.Ready, Reason: valid(s.Reason), Since: timestamppb.New(s.Since),
		Peers: u32(len(s.Stats.Peers)), Standby: s.Stats.Tasks.Standby,
	}
	for _, e := range s.Stats.Endpoints {
		r.Endpoints = append(r.Endpoints, &adminv1.Endpoint{Endpoint: valid(e.Endpoint), Dialed: e.Dialed, Peers: u32(e.Peers), Mechanism: string(e.Mechanism)})
	}
	for _, svc := range s.Services {
		r.Services = append(r.Services, svc.Name)
	}
	return r
}

// kindOf returns the kind of a role by its name in gozmq.Stats.
func kindOf(role string) adminv1.RoleKind {
	return adminv1.RoleKind(adminv1.RoleKind_value["ROLE_KIND_"+strings.ToUpper(role)])
}

// valid returns text in a form that a message can have.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// u32 and u64 return a count, which is not negative.
func u32(n int) uint32 { return uint32(max(0, min(n, 1<<31-1))) }
func u64(n int) uint64 { return uint64(max(0, n)) }

// positive returns a duration; nil for 0.
func positive(d time.Duration) *durationpb.Duration {
	if d <= 0 {
		return nil
	}
	return durationpb.New(d)
}

// moment returns a time; nil for none.
func moment(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
