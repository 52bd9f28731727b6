// Package gozmqadmin serves gozmq.v1.Admin, through which an operator inspects the
// sockets of a program and manages its task queues: with the command gozmq, or with
// any client of proto/gozmq/v1/admin.proto. Clients in Go are made by
// adminv1gozmq.NewAdminClient.
//
// Like the pages of package gozmqhttp, it shows the data of
// [gozmqops.Group.Snapshot]. A program serves it only if it calls [Register].
package gozmqadmin

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

// An Option is an option of Register.
type Option func(*server)

// AllowChanges allows the methods that change something: RetryTasks,
// DiscardTasks, CancelTasks, PauseTasks and ResumeTasks. Without it they fail
// with CodePermissionDenied.
func AllowChanges() Option { return func(s *server) { s.changes = true } }

// Register serves gozmq.v1.Admin through srv, for the roles of g, including later
// ones. It fails when srv already has this service, is running, or has a service
// with bare framing.
//
// Every client of srv can see the addresses, keys and counters of all roles, and
// the bodies of tasks. Give the service a separate server, with CURVE and a list of
// keys (gozmqcurve.KeyList), or an endpoint that only operators reach.
func Register(srv gozmq.Registrar, g *gozmqops.Group, opts ...Option) error {
	s := &server{group: g, started: time.Now()}
	for _, o := range opts {
		o(s)
	}
	return adminv1gozmq.RegisterAdminServer(srv, s)
}

type server struct {
	adminv1gozmq.UnimplementedAdminServer
	group   *gozmqops.Group
	changes bool
	started time.Time
}

// ListRoles returns the roles and what state they are in.
func (s *server) ListRoles(context.Context, *adminv1.ListRolesRequest) (*adminv1.ListRolesResponse, error) {
	snapshot := s.group.Snapshot()
	resp := &adminv1.ListRolesResponse{Program: s.program(snapshot.Time)}
	for i := range snapshot.Sockets {
		resp.Roles = append(resp.Roles, newRole(&snapshot.Sockets[i]))
	}
	return resp, nil
}

// GetHealth says whether the program is ready.
func (s *server) GetHealth(context.Context, *adminv1.GetHealthRequest) (*adminv1.GetHealthResponse, error) {
	snapshot := s.group.Snapshot()
	resp := &adminv1.GetHealthResponse{Ready: snapshot.Ready, Stopping: snapshot.Stopping}
	for i := range snapshot.Sockets {
		if socket := &snapshot.Sockets[i]; !socket.Ready {
			resp.Unready = append(resp.Unready, newRole(socket))
		}
	}
	return resp, nil
}

func (s *server) program(now time.Time) *adminv1.Program {
	p := &adminv1.Program{
		Pid: int32(os.Getpid()), Started: timestamppb.New(s.started), Time: timestamppb.New(now),
		GozmqVersion: gozmq.Version, ChangesAllowed: s.changes,
	}
	if len(os.Args) > 0 {
		p.Name = valid(filepath.Base(os.Args[0]))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		p.GoVersion = info.GoVersion
	}
	return p
}

// sockets returns the sockets of the roles with these names; all of them without
// names.
func (s *server) sockets(names []string) (gozmqops.Snapshot, error) {
	snapshot := s.group.Snapshot()
	if len(names) == 0 {
		return snapshot, nil
	}
	found := make(map[string]bool, len(names))
	for _, name := range names {
		found[name] = false
	}
	var list []gozmqops.Socket
	for _, socket := range snapshot.Sockets {
		if _, wanted := found[socket.Name]; wanted {
			found[socket.Name] = true
			list = append(list, socket)
		}
	}
	for _, name := range names {
		if !found[name] {
			return snapshot, gozmq.Errorf(gozmq.CodeNotFound, "role %.128q is not one of this program", name)
		}
	}
	snapshot.Sockets = list
	return snapshot, nil
}
