package rival

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

func natsRival() Rival {
	return Rival{Name: "NATS", Note: "through an embedded server: two hops", Unary: openNATS, Feed: openNATSFeed, OneConn: true}
}

const natsTimeout = 10 * time.Second

func natsServer(change ...func(*server.Options)) (*server.Server, error) {
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true}
	for _, f := range change {
		f(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(natsTimeout) {
		s.Shutdown()
		return nil, errors.New("the embedded server does not start")
	}
	return s, nil
}

type natsUnary struct {
	srv            *server.Server
	caller, callee *nats.Conn
	blobs          blobs
	size           int
}

func openNATS(o Options) (Unary, error) {
	srv, err := natsServer()
	if err != nil {
		return nil, err
	}
	u := &natsUnary{srv: srv, blobs: newBlobs(o), size: o.Size}
	if u.callee, err = nats.Connect(srv.ClientURL()); err != nil {
		return nil, err
	}
	if u.caller, err = nats.Connect(srv.ClientURL()); err != nil {
		return nil, err
	}
	if _, err := u.callee.Subscribe(topic, u.serve); err != nil {
		return nil, err
	}
	return u, u.callee.Flush()
}

func (u *natsUnary) serve(m *nats.Msg) {
	in := new(benchv1.Blob)
	if proto.Unmarshal(m.Data, in) != nil {
		return
	}
	if out, err := proto.Marshal(echo(in)); err == nil {
		_ = m.Respond(out)
	}
}

func (u *natsUnary) Call(i int) error {
	body, err := proto.Marshal(u.blobs[i])
	if err != nil {
		return err
	}
	m, err := u.caller.Request(topic, body, natsTimeout)
	if err != nil {
		return err
	}
	reply := new(benchv1.Blob)
	return check(reply, u.size, proto.Unmarshal(m.Data, reply))
}

func (u *natsUnary) Close() {
	u.caller.Close()
	u.callee.Close()
	u.srv.Shutdown()
}

type natsFeed struct {
	srv  *server.Server
	pub  *nats.Conn
	subs []*nats.Conn
	blob *benchv1.Blob
	done chan struct{}
	once sync.Once

	filters int
}

func openNATSFeed(o Options) (Stream, error) {
	srv, err := natsServer()
	if err != nil {
		return nil, err
	}
	f := &natsFeed{srv: srv, blob: newBlob(o.Size, 0), done: make(chan struct{}), filters: o.Filters}
	if f.pub, err = nats.Connect(srv.ClientURL()); err != nil {
		return nil, err
	}
	for range o.Receivers {
		sub, err := nats.Connect(srv.ClientURL())
		if err != nil {
			return nil, err
		}
		f.subs = append(f.subs, sub)
	}
	return f, nil
}

func (f *natsFeed) Send(seq uint64) error {
	f.blob.Seq = seq
	body, err := proto.Marshal(f.blob)
	if err != nil {
		return err
	}
	return f.pub.Publish(topic, body)
}

func (f *natsFeed) Receive(i int, got func(uint64)) error {
	handle := func(m *nats.Msg) {
		blob := new(benchv1.Blob)
		if proto.Unmarshal(m.Data, blob) == nil {
			got(blob.GetSeq())
		}
	}
	_, err := f.subs[i].Subscribe(topic, handle)
	for j := 1; j < f.filters && err == nil; j++ {
		_, err = f.subs[i].Subscribe(topic+filterName(j), handle)
	}
	<-f.done
	return err
}

func (f *natsFeed) Close() {
	f.once.Do(func() { close(f.done) })
	f.pub.Close()
	for _, s := range f.subs {
		s.Close()
	}
	f.srv.Shutdown()
}
