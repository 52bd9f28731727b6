package rival

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

func (connectEcho) Watch(_ context.Context, req *connect.Request[benchv1.WatchRequest], s *connect.ServerStream[benchv1.Blob]) error {
	return serveWatch(req.Msg, s.Send)
}

func (connectEcho) Chat(_ context.Context, s *connect.BidiStream[benchv1.Blob, benchv1.Blob]) error {
	return serveChat(s.Receive, s.Send)
}

type connectStreams struct {
	*connectUnary
	o Options
}

func openConnectStreams(o Options) (Streams, error) {
	o.Callers = max(o.Callers, 2) // so that it speaks h2c, without which there is no Chat
	u, err := openConnect(o)
	if err != nil {
		return nil, err
	}
	return &connectStreams{u.(*connectUnary), o}, u.Call(0)
}

func (u *connectStreams) Watch(count uint64, got func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client.Watch(ctx, connect.NewRequest(watchRequest(u.o, count)))
	if err != nil {
		return err
	}
	for s.Receive() {
		if err := check(s.Msg(), u.o.Size, nil); err != nil {
			return err
		}
		if !got() {
			leave() // else Close would read on to the end
			_ = s.Close()
			return nil
		}
	}
	return errors.Join(s.Err(), s.Close())
}

func (u *connectStreams) Chat(more func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s := u.client.Chat(ctx)
	return chatAll(u.o, s.Send, s.Receive, more)
}

func (u *connectStreams) Drop() error {
	return u.client.Chat(context.Background()).Send(newBlob(u.o.Size, 0))
}
