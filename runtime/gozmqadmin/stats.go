package gozmqadmin

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

const (
	defaultInterval  = time.Second
	shortestInterval = 100 * time.Millisecond
)

// GetStats returns the counters of roles.
func (s *server) GetStats(_ context.Context, req *adminv1.GetStatsRequest) (*adminv1.GetStatsResponse, error) {
	return s.stats(req.GetRoles(), req.GetMaxPeers())
}

// WatchStats sends the counters of roles at once and then at intervals.
func (s *server) WatchStats(ctx context.Context, req *adminv1.WatchStatsRequest, out gozmq.Sender[adminv1.GetStatsResponse]) error {
	interval := defaultInterval
	if d := req.GetInterval(); d != nil {
		if interval = d.AsDuration(); d.CheckValid() != nil || interval < shortestInterval {
			return gozmq.Errorf(gozmq.CodeInvalidArgument, "the interval is %v, want at least %v", interval, shortestInterval)
		}
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		resp, err := s.stats(req.GetRoles(), req.GetMaxPeers())
		if err != nil {
			return err
		}
		if err := out.Send(ctx, resp); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (s *server) stats(roles []string, maxPeers uint32) (*adminv1.GetStatsResponse, error) {
	snapshot, err := s.sockets(roles)
	if err != nil {
		return nil, err
	}
	resp := &adminv1.GetStatsResponse{Time: timestamppb.New(snapshot.Time)}
	for i := range snapshot.Sockets {
		resp.Roles = append(resp.Roles, newRoleStats(&snapshot.Sockets[i], maxPeers))
	}
	return resp, nil
}

func newRoleStats(socket *gozmqops.Socket, maxPeers uint32) *adminv1.RoleStats {
	s := &socket.Stats
	out := &adminv1.RoleStats{
		Name: valid(socket.Name), Side: socket.Side, Kind: kindOf(s.Role), Ready: socket.Ready,
		Accepted: s.Accepted, Dialed: s.Dialed, Reconnected: s.Reconnected, Disconnected: s.Disconnected,
		AcceptsFailed: s.AcceptsFailed, DialsFailed: s.DialsFailed, HandshakesFailed: s.HandshakesFailed, Probed: s.Probed,
		HeartbeatsLost: s.HeartbeatsLost, Delayed: s.Delayed, Traffic: newTraffic(&s.Traffic),
		Overflowed: s.Overflowed, Superseded: s.Superseded,
		SendQueueMessages: u64(s.SendQueue), SendQueueBytes: u64(s.SendQueueBytes), PeerCount: u32(len(s.Peers)),
	}
	switch out.GetKind() {
	case adminv1.RoleKind_ROLE_KIND_CLIENT, adminv1.RoleKind_ROLE_KIND_SERVER:
		out.Calls = newCallStats(&s.Calls)
	case adminv1.RoleKind_ROLE_KIND_VENTILATOR, adminv1.RoleKind_ROLE_KIND_WORKER, adminv1.RoleKind_ROLE_KIND_SINK:
		out.Tasks = newTaskStats(s)
	}
	for _, q := range s.Queues {
		out.Queues = append(out.Queues, &adminv1.QueueStats{
			Name: valid(q.Name), Messages: u64(q.Messages), Bytes: u64(q.Bytes), MaxMessages: u64(q.MaxMessages), MaxBytes: u64(q.MaxBytes), Dropped: q.Dropped,
		})
	}
	for _, m := range s.Methods {
		out.Methods = append(out.Methods, newMethodStats(&m))
	}
	for _, p := range s.Peers[:min(len(s.Peers), int(min(maxPeers, maxPage)))] {
		out.Peers = append(out.Peers, newPeer(socket, &p))
	}
	return out
}

func newTraffic(t *gozmq.Traffic) *adminv1.Traffic {
	return &adminv1.Traffic{
		MessagesIn: t.MessagesIn, MessagesOut: t.MessagesOut, BytesIn: t.BytesIn, BytesOut: t.BytesOut,
		Dropped: t.Dropped, TooLarge: t.TooLarge, Malformed: t.Malformed,
	}
}

func newCallStats(c *gozmq.CallStats) *adminv1.CallStats {
	return &adminv1.CallStats{
		Running: u32(c.Running), Waiting: u32(c.Waiting), Refused: c.Refused, Retried: c.Retried, Hedged: c.Hedged, FailedOver: c.FailedOver,
	}
}

func newTaskStats(s *gozmq.Stats) *adminv1.TaskStats {
	return &adminv1.TaskStats{
		Queued: u64(s.Tasks.Queued), InFlight: u64(s.Tasks.InFlight), Done: s.Tasks.Done, Failed: s.Tasks.Failed, Redelivered: s.Tasks.Redelivered,
		Oldest: positive(s.OldestTask), Standby: s.Tasks.Standby,
	}
}

func newMethodStats(m *gozmq.MethodStats) *adminv1.MethodStats {
	out := &adminv1.MethodStats{Procedure: valid(m.Procedure), TopicTemplate: m.TopicTemplate, Handled: m.Handled}
	for code, n := range m.Failed {
		if out.FailedByCode == nil {
			out.FailedByCode = make(map[string]uint64)
		}
		out.FailedByCode[code.String()] = n
		out.Failed += n
	}
	return out
}
