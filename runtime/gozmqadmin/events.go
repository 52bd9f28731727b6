package gozmqadmin

import (
	"context"
	"log/slog"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// WatchEvents sends what happens to roles from now on. Events wait for a slow
// client in the queue of Group.Watch, which is bounded.
func (s *server) WatchEvents(ctx context.Context, req *adminv1.WatchEventsRequest, out gozmq.Sender[adminv1.WatchEventsResponse]) error {
	// Unlike the handler's own, this context ends a Send when the server drains.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := make(chan struct{})
	stop := s.group.Watch(func(role string, e gozmq.Event) {
		resp := newEventResponse(req, role, &e)
		if resp == nil {
			return
		}
		select {
		case <-begun:
		case <-ctx.Done():
			return
		}
		if err := out.Send(ctx, resp); err != nil {
			cancel(err)
		}
	})
	defer stop()
	defer cancel(nil) // before stop, which waits for a Send
	if err := out.Send(ctx, &adminv1.WatchEventsResponse{}); err != nil {
		return err
	}
	close(begun)
	<-ctx.Done()
	return ctx.Err()
}

// newEventResponse returns the response for an event to a client that has sent req;
// nil for none.
func newEventResponse(req *adminv1.WatchEventsRequest, role string, e *gozmq.Event) *adminv1.WatchEventsResponse {
	if role == "" && e.Kind == gozmq.EventEventsLost {
		return &adminv1.WatchEventsResponse{Lost: u64(e.Count)}
	}
	least := req.GetMinLevel()
	if least == adminv1.EventLevel_EVENT_LEVEL_UNSPECIFIED {
		least = adminv1.EventLevel_EVENT_LEVEL_INFO
	}
	level := levelOf(e.Level())
	if level < least || len(req.GetRoles()) > 0 && !slices.Contains(req.GetRoles(), role) {
		return nil
	}
	out := &adminv1.Event{
		Time: timestamppb.New(e.Time), Role: valid(role), Level: level, Kind: e.Kind.String(), Text: valid(e.String()), SocketType: e.SocketType,
		Endpoint: valid(e.Endpoint), Peer: valid(e.Peer), Procedure: valid(e.Procedure), Topic: []byte(e.Topic), Count: int64(e.Count),
	}
	if e.Err != nil {
		out.Error = valid(e.Err.Error())
	}
	return &adminv1.WatchEventsResponse{Event: out}
}

func levelOf(l slog.Level) adminv1.EventLevel {
	switch {
	case l < slog.LevelInfo:
		return adminv1.EventLevel_EVENT_LEVEL_DEBUG
	case l < slog.LevelWarn:
		return adminv1.EventLevel_EVENT_LEVEL_INFO
	case l < slog.LevelError:
		return adminv1.EventLevel_EVENT_LEVEL_WARN
	default:
		return adminv1.EventLevel_EVENT_LEVEL_ERROR
	}
}
