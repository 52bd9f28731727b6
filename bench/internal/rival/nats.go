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

// natsEnds have the server in the process that answers or publishes.
func natsEnds() Ends {
	return Ends{
		Name: "NATS", TCPOnly: "its server listens on tcp only",
		Serve:     func(Options) (Server, error) { return newNATSServer() },
		Dial:      func(o Options, addr string) (Unary, error) { return dialNATS(o, addr) },
		Publish:   func(o Options) (Sender, error) { return newNATSPublisher(o) },
		Subscribe: func(o Options, addr string) (Receiver, error) { return newNATSSubscribers(o, addr) },
	}
}

// A natsEcho is the server, and a client of it that echoes.
type natsEcho struct {
	srv    *server.Server
	callee *nats.Conn
}

func newNATSServer() (*natsEcho, error) {
	srv, err := natsServer()
	if err != nil {
		return nil, err
	}
	e := &natsEcho{srv: srv}
	if e.callee, err = nats.Connect(srv.ClientURL()); err != nil {
		return nil, err
	}
	if _, err := e.callee.Subscribe(topic, e.serve); err != nil {
		return nil, err
	}
	return e, e.callee.Flush()
}

// Addr returns where the server is.
func (e *natsEcho) Addr() string { return e.srv.ClientURL() }

// Close stops both.
func (e *natsEcho) Close() {
	e.callee.Close()
	e.srv.Shutdown()
}

type natsUnary struct {
	server *natsEcho // nil: another process's
	caller *nats.Conn
	blobs  blobs
	size   int
}

func openNATS(o Options) (Unary, error) {
	server, err := newNATSServer()
	if err != nil {
		return nil, err
	}
	u, err := dialNATS(o, server.Addr())
	if err != nil {
		return nil, err
	}
	u.server = server
	return u, nil
}

func dialNATS(o Options, addr string) (_ *natsUnary, err error) {
	u := &natsUnary{blobs: newBlobs(o), size: o.Size}
	u.caller, err = nats.Connect(addr)
	return u, err
}

func (e *natsEcho) serve(m *nats.Msg) {
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
	if u.server != nil {
		u.server.Close()
	}
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
	f, err := newNATSPublisher(o)
	if err != nil {
		return nil, err
	}
	return f, f.subscribe(o, f.Addr())
}

// newNATSPublisher opens the side that sends, and the server.
func newNATSPublisher(o Options) (*natsFeed, error) {
	srv, err := natsServer()
	if err != nil {
		return nil, err
	}
	f := &natsFeed{srv: srv, blob: newBlob(o.Size, 0), done: make(chan struct{}), filters: o.Filters}
	f.pub, err = nats.Connect(srv.ClientURL())
	return f, err
}

// newNATSSubscribers opens the side that receives.
func newNATSSubscribers(o Options, addr string) (*natsFeed, error) {
	f := &natsFeed{done: make(chan struct{}), filters: o.Filters}
	return f, f.subscribe(o, addr)
}

func (f *natsFeed) subscribe(o Options, addr string) error {
	for range o.Receivers {
		sub, err := nats.Connect(addr)
		if err != nil {
			return err
		}
		f.subs = append(f.subs, sub)
	}
	return nil
}

// Addr returns where the server is.
func (f *natsFeed) Addr() string { return f.srv.ClientURL() }

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
	for _, s := range f.subs {
		s.Close()
	}
	if f.srv != nil {
		f.pub.Close()
		f.srv.Shutdown()
	}
}
