package rival

import (
	"context"
	"iter"
	"strings"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func (gozmqEcho) Watch(ctx context.Context, req *benchv1.WatchRequest, out gozmq.Sender[benchv1.Blob]) error {
	return serveWatch(req, func(b *benchv1.Blob) error { return out.Send(ctx, b) })
}

func (gozmqEcho) Chat(ctx context.Context, in iter.Seq2[*benchv1.Blob, error], out gozmq.Sender[benchv1.Blob]) error {
	for blob, err := range in {
		if err != nil {
			return err
		}
		if err := out.Send(ctx, echo(blob)); err != nil {
			return err
		}
	}
	return nil
}

type gozmqStreams struct {
	events events
	server *GozmqServer
	line   *Line
	conn   *gozmq.Conn
	client benchv1gozmq.EchoClient
	o      Options
}

func openGozmqStreams(o Options) (_ Streams, err error) {
	server, err := NewGozmqServer(o)
	if err != nil {
		return nil, err
	}
	u := &gozmqStreams{server: server, o: o}
	addr, line, err := o.through(strings.TrimPrefix(server.Addr(), "tcp://"))
	if err == nil {
		u.line = line
		u.conn, err = gozmq.Dial(as[gozmq.DialOption](u.events.options(o), gozmq.Connect("tcp://"+addr))...)
	}
	if err == nil {
		u.client = benchv1gozmq.NewEchoClient(u.conn)
		_, err = u.client.Echo(context.Background(), newBlob(o.Size, 0)) // dials in the background
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

func (u *gozmqStreams) Watch(count uint64, got func() bool) error {
	for blob, err := range u.client.Watch(context.Background(), watchRequest(u.o, count)) {
		if err := check(blob, u.o.Size, err); err != nil {
			return err
		}
		if !got() {
			break
		}
	}
	return nil
}

func (u *gozmqStreams) Chat(more func() bool) error {
	ctx := context.Background()
	blob, chat := newBlob(u.o.Size, 0), u.client.Chat(ctx)
	if !more() {
		return nil
	}
	if err := chat.Send(ctx, blob); err != nil {
		return err
	}
	for reply, err := range chat.Receive(ctx) {
		if err := check(reply, u.o.Size, err); err != nil {
			return err
		}
		if !more() {
			break
		}
		if err := chat.Send(ctx, blob); err != nil {
			return err
		}
	}
	return nil
}

func (u *gozmqStreams) Drop() error {
	ctx := context.Background()
	return u.client.Chat(ctx).Send(ctx, newBlob(u.o.Size, 0))
}

func (u *gozmqStreams) Close() {
	if u.conn != nil {
		u.conn.Close()
	}
	u.line.Close()
	u.server.Close()
}
