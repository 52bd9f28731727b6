package rival

import (
	"context"
	"net"

	"github.com/containerd/log"
	"github.com/containerd/ttrpc"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	benchttrpcv1 "github.com/gozmq/gozmq/bench/gen/benchttrpc/v1"
)

func ttrpcRival() Rival {
	return Rival{Name: "ttrpc", Note: "over tcp", Unary: openTTRPC, Streams: openTTRPCStreams}
}

// It logs every message that it drops and every connection that ends.
func init() { _ = log.SetLevel("panic") }

type ttrpcEcho struct{}

func (ttrpcEcho) Echo(_ context.Context, in *benchv1.Blob) (*benchv1.Blob, error) {
	return echo(in), nil
}

type ttrpcUnary struct {
	srv    *ttrpc.Server
	conns  []*ttrpc.Client
	client []benchttrpcv1.EchoClient
	spread *spread
	blobs  blobs
	size   int
}

func openTTRPC(o Options) (Unary, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv, err := ttrpc.NewServer()
	if err != nil {
		return nil, err
	}
	benchttrpcv1.RegisterEchoService(srv, ttrpcEcho{})
	go srv.Serve(context.Background(), ln)
	u := &ttrpcUnary{srv: srv, spread: newSpread(o), blobs: newBlobs(o), size: o.Size}
	for range o.Conns {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			u.Close()
			return nil, err
		}
		client := ttrpc.NewClient(conn)
		u.conns = append(u.conns, client)
		u.client = append(u.client, benchttrpcv1.NewEchoClient(client))
	}
	return u, nil
}

func (u *ttrpcUnary) Call(i int) error {
	reply, err := u.client[u.spread.next(i)].Echo(context.Background(), u.blobs[i])
	return check(reply, u.size, err)
}

func (u *ttrpcUnary) Close() {
	for _, c := range u.conns {
		c.Close()
	}
	u.srv.Close()
}
