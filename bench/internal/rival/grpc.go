package rival

import (
	"context"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

func grpcRival() Rival { return Rival{Name: "gRPC", Unary: openGRPC, Streams: openGRPCStreams} }

func grpcEnds() Ends {
	return Ends{
		Name:  "gRPC",
		Serve: func(o Options) (Server, error) { return NewGRPCServer(o) },
		Dial:  func(o Options, addr string) (Unary, error) { return dialGRPC(o, addr) },
	}
}

type grpcEcho struct {
	benchv1.UnimplementedEchoServer
}

func (grpcEcho) Echo(_ context.Context, in *benchv1.Blob) (*benchv1.Blob, error) {
	return echo(in), nil
}

// A GRPCServer echoes.
type GRPCServer struct {
	ln  net.Listener
	srv *grpc.Server
}

// NewGRPCServer starts a server.
func NewGRPCServer(o Options) (*GRPCServer, error) {
	ln, err := net.Listen(network(o.Listen))
	if err != nil {
		return nil, err
	}
	var opts []grpc.ServerOption
	if o.MaxMessage > 0 {
		opts = append(opts, grpc.MaxRecvMsgSize(o.MaxMessage))
	}
	s := &GRPCServer{ln: ln, srv: grpc.NewServer(opts...)}
	benchv1.RegisterEchoServer(s.srv, grpcEcho{})
	go s.srv.Serve(ln)
	return s, nil
}

// Addr returns where the server is.
func (s *GRPCServer) Addr() string { return endpointOf(s.ln) }

// Close stops the server.
func (s *GRPCServer) Close() { s.srv.Stop() }

type grpcUnary struct {
	server *GRPCServer
	conns  []*grpc.ClientConn
	client []benchv1.EchoClient
	spread *spread
	blobs  blobs
	size   int
}

func openGRPC(o Options) (Unary, error) {
	server, err := NewGRPCServer(o)
	if err != nil {
		return nil, err
	}
	u, err := dialGRPC(o, server.Addr())
	if err != nil {
		server.Close()
		return nil, err
	}
	u.server = server
	return u, nil
}

func dialGRPC(o Options, addr string) (*grpcUnary, error) {
	u := &grpcUnary{spread: newSpread(o), blobs: newBlobs(o), size: o.Size}
	for range o.Conns {
		conn, err := DialGRPC(addr, o)
		if err != nil {
			u.Close()
			return nil, err
		}
		u.conns = append(u.conns, conn)
		client := benchv1.NewEchoClient(conn)
		u.client = append(u.client, client)
		if _, err := client.Echo(context.Background(), newBlob(o.Size, 0)); err != nil { // dials in the background
			u.Close()
			return nil, err
		}
	}
	return u, nil
}

// DialGRPC returns a client's connection, without encryption.
func DialGRPC(addr string, o Options) (*grpc.ClientConn, error) {
	opts := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if o.MaxMessage > 0 {
		opts = append(opts, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(o.MaxMessage)))
	}
	if network, path := network(addr); network == "unix" {
		return grpc.NewClient("unix:"+path, opts...)
	}
	return grpc.NewClient("passthrough:///"+strings.TrimPrefix(addr, "tcp://"), opts...)
}

func (u *grpcUnary) Call(i int) error {
	reply, err := u.client[u.spread.next(i)].Echo(context.Background(), u.blobs[i])
	return check(reply, u.size, err)
}

func (u *grpcUnary) Close() {
	for _, c := range u.conns {
		c.Close()
	}
	if u.server != nil {
		u.server.Close()
	}
}
