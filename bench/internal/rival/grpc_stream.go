package rival

import (
	"context"
	"strings"

	"google.golang.org/grpc"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

func (grpcEcho) Watch(req *benchv1.WatchRequest, s grpc.ServerStreamingServer[benchv1.Blob]) error {
	return serveWatch(req, s.Send)
}

func (grpcEcho) Chat(s grpc.BidiStreamingServer[benchv1.Blob, benchv1.Blob]) error {
	return serveChat(s.Recv, s.Send)
}

type grpcStreams struct {
	server *GRPCServer
	line   *Line
	conn   *grpc.ClientConn
	client benchv1.EchoClient
	o      Options
}

func openGRPCStreams(o Options) (_ Streams, err error) {
	server, err := NewGRPCServer(o)
	if err != nil {
		return nil, err
	}
	u := &grpcStreams{server: server, o: o}
	addr, line, err := o.through(strings.TrimPrefix(server.Addr(), "tcp://"))
	if err == nil {
		u.line = line
		u.conn, err = DialGRPC(addr, o)
	}
	if err == nil {
		u.client = benchv1.NewEchoClient(u.conn)
		_, err = u.client.Echo(context.Background(), newBlob(o.Size, 0)) // dials in the background
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

func (u *grpcStreams) Watch(count uint64, got func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client.Watch(ctx, watchRequest(u.o, count))
	if err != nil {
		return err
	}
	return watchAll(u.o, s.Recv, got)
}

func (u *grpcStreams) Chat(more func() bool) error {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client.Chat(ctx)
	if err != nil {
		return err
	}
	return chatAll(u.o, s.Send, s.Recv, more)
}

func (u *grpcStreams) Drop() error {
	s, err := u.client.Chat(context.Background())
	if err != nil {
		return err
	}
	return s.Send(newBlob(u.o.Size, 0))
}

func (u *grpcStreams) Close() {
	if u.conn != nil {
		u.conn.Close()
	}
	u.line.Close()
	u.server.Close()
}
