package rival

import (
	"context"
	"net"

	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcserver"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

func drpcRival() Rival {
	return Rival{Name: "drpc", Note: "one call at a time on a connection", Unary: openDRPC, Streams: openDRPCStreams, OneConn: true}
}

type drpcEcho struct{}

func (drpcEcho) Echo(_ context.Context, in *benchv1.Blob) (*benchv1.Blob, error) {
	return echo(in), nil
}

type drpcUnary struct {
	cancel context.CancelFunc
	conn   *drpcconn.Conn
	client benchv1.DRPCEchoClient
	blobs  blobs
	size   int
}

func openDRPC(o Options) (Unary, error) {
	mux := drpcmux.New()
	if err := benchv1.DRPCRegisterEcho(mux, drpcEcho{}); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go drpcserver.New(mux).Serve(ctx, ln)
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		cancel()
		return nil, err
	}
	conn := drpcconn.New(raw)
	return &drpcUnary{cancel: cancel, conn: conn, client: benchv1.NewDRPCEchoClient(conn), blobs: newBlobs(o), size: o.Size}, nil
}

func (u *drpcUnary) Call(i int) error {
	reply, err := u.client.Echo(context.Background(), u.blobs[i])
	return check(reply, u.size, err)
}

func (u *drpcUnary) Close() {
	u.conn.Close()
	u.cancel()
}
