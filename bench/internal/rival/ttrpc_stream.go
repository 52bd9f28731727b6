package rival

import (
	"context"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	benchttrpcv1 "github.com/gozmq/gozmq/bench/gen/benchttrpc/v1"
)

func (ttrpcEcho) Watch(_ context.Context, req *benchv1.WatchRequest, s benchttrpcv1.Echo_WatchServer) error {
	return serveWatch(req, s.Send)
}

func (ttrpcEcho) Chat(_ context.Context, s benchttrpcv1.Echo_ChatServer) error {
	return serveChat(s.Recv, s.Send)
}

type ttrpcStreams struct {
	*ttrpcUnary
	o Options
}

func openTTRPCStreams(o Options) (Streams, error) {
	o.Callers, o.Conns = 1, 1
	u, err := openTTRPC(o)
	if err != nil {
		return nil, err
	}
	return &ttrpcStreams{u.(*ttrpcUnary), o}, u.Call(0)
}

func (u *ttrpcStreams) Watch(count uint64, got func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client[0].Watch(ctx, watchRequest(u.o, count))
	if err != nil {
		return err
	}
	return watchAll(u.o, s.Recv, got)
}

func (u *ttrpcStreams) Chat(more func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client[0].Chat(ctx)
	if err != nil {
		return err
	}
	return chatAll(u.o, s.Send, s.Recv, more)
}

func (u *ttrpcStreams) Drop() error {
	s, err := u.client[0].Chat(context.Background())
	if err != nil {
		return err
	}
	return s.Send(newBlob(u.o.Size, 0))
}
