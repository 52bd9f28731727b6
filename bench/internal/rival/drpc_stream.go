package rival

import (
	"errors"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

func (drpcEcho) Watch(req *benchv1.WatchRequest, s benchv1.DRPCEcho_WatchStream) error {
	return serveWatch(req, s.Send)
}

func (drpcEcho) Chat(s benchv1.DRPCEcho_ChatStream) error { return serveChat(s.Recv, s.Send) }

type drpcStreams struct {
	*drpcUnary
	o Options
}

func openDRPCStreams(o Options) (Streams, error) {
	o.Callers = 1
	u, err := openDRPC(o)
	if err != nil {
		return nil, err
	}
	return &drpcStreams{u.(*drpcUnary), o}, u.Call(0)
}

func (u *drpcStreams) Watch(count uint64, got func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client.Watch(ctx, watchRequest(u.o, count))
	if err != nil {
		return err
	}
	return watchAll(u.o, s.Recv, got)
}

func (u *drpcStreams) Chat(more func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client.Chat(ctx)
	if err != nil {
		return err
	}
	return chatAll(u.o, s.Send, s.Recv, more)
}

func (u *drpcStreams) Drop() error { return errors.ErrUnsupported }
