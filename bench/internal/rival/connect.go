package rival

import (
	"context"
	"net"
	"net/http"

	"connectrpc.com/connect"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1connect"
)

func connectRival() Rival {
	return Rival{Name: "connect", Note: "1 caller: HTTP/1.1, as http.DefaultClient does; more: h2c on one connection", Unary: openConnect, Streams: openConnectStreams, OneConn: true}
}

type connectEcho struct{}

func (connectEcho) Echo(_ context.Context, in *connect.Request[benchv1.Blob]) (*connect.Response[benchv1.Blob], error) {
	return connect.NewResponse(echo(in.Msg)), nil
}

type connectUnary struct {
	srv    *http.Server
	http   *http.Client
	client benchv1connect.EchoClient
	blobs  blobs
	size   int
}

func openConnect(o Options) (Unary, error) {
	mux := http.NewServeMux()
	mux.Handle(benchv1connect.NewEchoHandler(connectEcho{}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	u := &connectUnary{srv: &http.Server{Handler: mux, Protocols: both}, blobs: newBlobs(o), size: o.Size}
	go u.srv.Serve(ln)
	u.http = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	if o.Callers > 1 {
		h2c := new(http.Protocols)
		h2c.SetUnencryptedHTTP2(true)
		u.http.Transport = &http.Transport{Protocols: h2c}
	}
	u.client = benchv1connect.NewEchoClient(u.http, "http://"+ln.Addr().String())
	return u, nil
}

func (u *connectUnary) Call(i int) error {
	reply, err := u.client.Echo(context.Background(), connect.NewRequest(u.blobs[i]))
	if err != nil {
		return err
	}
	return check(reply.Msg, u.size, nil)
}

func (u *connectUnary) Close() {
	u.http.CloseIdleConnections()
	u.srv.Close()
}
