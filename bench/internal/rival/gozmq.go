package rival

import (
	"context"
	"sync"
	"sync/atomic"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
	"github.com/gozmq/gozmq/codecs/gozmqvt"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

const anyPort = "tcp://127.0.0.1:*"

func gozmqRival() Rival {
	return Rival{Name: Ours, Note: "heartbeats, limits and an observer on", Unary: openGozmq, Push: openGozmqPush, Sure: openGozmqSure, Feed: openGozmqFeed, Streams: openGozmqStreams}
}

// gozmqVT is ours with the codec for vtprotobuf.
func gozmqVT() Rival {
	with := func(o Options) Options { o.vt = true; return o }
	return Rival{
		Name: Ours + " + vtprotobuf", Note: "with the codec codecs/gozmqvt", OneConn: true,
		Unary:   func(o Options) (Unary, error) { return openGozmq(with(o)) },
		Push:    func(o Options) (Stream, error) { return openGozmqPush(with(o)) },
		Feed:    func(o Options) (Stream, error) { return openGozmqFeed(with(o)) },
		Streams: func(o Options) (Streams, error) { return openGozmqStreams(with(o)) },
	}
}

// An events is an observer that counts.
type events struct{ n atomic.Int64 }

// options returns options that every role takes.
func (e *events) options(o Options) []any {
	opts := []any{gozmq.WithEventHandler(func(gozmq.Event) { e.n.Add(1) })}
	if o.MaxMessage > 0 {
		opts = append(opts, gozmq.WithMaxMessageSize(o.MaxMessage))
	}
	if o.vt {
		opts = append(opts, gozmq.WithCodec(gozmqvt.New()))
	}
	return opts
}

// as turns options of any role into those of one.
func as[T any](opts []any, more ...T) []T {
	for _, o := range opts {
		more = append(more, o.(T))
	}
	return more
}

// A GozmqServer echoes.
type GozmqServer struct {
	events events
	srv    *gozmq.Server
	stop   context.CancelFunc
	done   chan error
}

type gozmqEcho struct {
	benchv1gozmq.UnimplementedEchoServer
}

func (gozmqEcho) Echo(_ context.Context, in *benchv1.Blob) (*benchv1.Blob, error) {
	return echo(in), nil
}

// NewGozmqServer starts a server.
func NewGozmqServer(o Options) (*GozmqServer, error) {
	s := &GozmqServer{done: make(chan error, 1)}
	opts := as[gozmq.ServerOption](append(s.events.options(o), o.curve.bound()...))
	var err error
	if s.srv, err = gozmq.NewServer(append(opts, o.served())...); err != nil {
		return nil, err
	}
	if err := benchv1gozmq.RegisterEchoServer(s.srv, gozmqEcho{}); err != nil {
		return nil, err
	}
	if err := s.srv.Listen(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.done <- s.srv.Serve(ctx) }()
	return s, nil
}

// Addr returns where the server is.
func (s *GozmqServer) Addr() string { return s.srv.Addrs()[0] }

// Close stops the server.
func (s *GozmqServer) Close() {
	s.stop()
	<-s.done
}

type gozmqUnary struct {
	events events
	server *GozmqServer
	conns  []*gozmq.Conn
	client []benchv1gozmq.EchoClient
	spread *spread
	blobs  blobs
	size   int
}

func openGozmq(o Options) (Unary, error) {
	server, err := NewGozmqServer(o)
	if err != nil {
		return nil, err
	}
	addr := o.Front
	if addr == "" {
		addr = server.Addr()
	}
	u, err := dialGozmq(o, addr)
	if err != nil {
		server.Close()
		return nil, err
	}
	u.server = server
	return u, nil
}

// dialGozmq returns calls to a server, which may be another process's.
func dialGozmq(o Options, addr string) (*gozmqUnary, error) {
	u := &gozmqUnary{spread: newSpread(o), blobs: newBlobs(o), size: o.Size}
	for range o.Conns {
		conn, err := gozmq.Dial(as[gozmq.DialOption](append(u.events.options(o), o.curve.dialed()...), gozmq.Connect(addr))...)
		if err != nil {
			u.Close()
			return nil, err
		}
		u.conns = append(u.conns, conn)
		client := benchv1gozmq.NewEchoClient(conn)
		u.client = append(u.client, client)
		if _, err := client.Echo(context.Background(), newBlob(o.Size, 0)); err != nil { // dials in the background
			u.Close()
			return nil, err
		}
	}
	return u, nil
}

func (u *gozmqUnary) Call(i int) error {
	reply, err := u.client[u.spread.next(i)].Echo(context.Background(), u.blobs[i])
	return check(reply, u.size, err)
}

func (u *gozmqUnary) Close() {
	for _, c := range u.conns {
		c.Close()
	}
	if u.server != nil {
		u.server.Close()
	}
}

// A stopper ends receivers and waits for them.
type stopper struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newStopper() *stopper {
	s := new(stopper)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *stopper) stop() {
	s.cancel()
	s.wg.Wait()
}

type gozmqPush struct {
	*stopper
	events events
	vent   *gozmq.Ventilator
	sink   *gozmq.Sink
	pusher benchv1gozmq.BlobPusher
	puller benchv1gozmq.BlobPuller
	blob   *benchv1.Blob
}

func openGozmqPush(o Options) (Stream, error) {
	p, err := newGozmqPusher(o)
	if err != nil {
		return nil, err
	}
	if err := p.pull(o, o.received(p.vent.Addrs())); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newGozmqPusher opens the side that sends.
func newGozmqPusher(o Options) (*gozmqPush, error) {
	p := &gozmqPush{stopper: newStopper(), blob: newBlob(o.Size, 0)}
	opts := append(p.events.options(o), o.curve.bound()...)
	var err error
	if p.vent, err = gozmq.NewVentilator(as[gozmq.VentilatorOption](opts, o.sent())...); err != nil {
		return nil, err
	}
	if p.pusher, err = benchv1gozmq.NewBlobPusher(p.vent); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newGozmqPuller opens the side that receives.
func newGozmqPuller(o Options, addr string) (*gozmqPush, error) {
	p := &gozmqPush{stopper: newStopper()}
	if err := p.pull(o, gozmq.Connect(addr)); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *gozmqPush) pull(o Options, from gozmq.Endpoints) (err error) {
	opts := append(p.events.options(o), o.curve.dialed()...)
	if p.sink, err = gozmq.NewPuller(as[gozmq.SinkOption](opts, from)...); err != nil {
		return err
	}
	p.puller, err = benchv1gozmq.NewBlobPuller(p.sink)
	return err
}

// Addr returns where the side that sends is.
func (p *gozmqPush) Addr() string { return p.vent.Addrs()[0] }

func (p *gozmqPush) Send(seq uint64) error {
	p.blob.Seq = seq
	return p.pusher.Push(context.Background(), p.blob)
}

func (p *gozmqPush) Receive(_ int, got func(uint64)) error {
	for blob, err := range p.puller.Pull(p.ctx) {
		if err != nil {
			return err
		}
		got(blob.GetSeq())
	}
	return nil
}

func (p *gozmqPush) Close() {
	p.stop()
	if p.sink != nil {
		p.sink.Close()
	}
	if p.vent != nil {
		p.vent.Close()
	}
}

// GozmqWorker is ours with a service's worker as the receiver, which also reads
// the method's name off each message and calls a handler.
func GozmqWorker() Rival {
	return Rival{Name: Ours + " worker", Note: "a service's ventilator and worker", Push: openGozmqWorker}
}

type gozmqVent struct {
	*stopper
	events events
	socket *gozmq.Ventilator
	vent   benchv1gozmq.PipelineVentilator
	blob   *benchv1.Blob
}

func openGozmqWorker(o Options) (_ Stream, err error) {
	p := &gozmqVent{stopper: newStopper(), blob: newBlob(o.Size, 0)}
	if p.socket, err = gozmq.NewVentilator(as[gozmq.VentilatorOption](p.events.options(o), gozmq.Bind(anyPort))...); err != nil {
		return nil, err
	}
	if p.vent, err = benchv1gozmq.NewPipelineVentilator(p.socket); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *gozmqVent) Send(seq uint64) error {
	p.blob.Seq = seq
	return p.vent.Work(context.Background(), p.blob)
}

type gozmqHandler struct {
	benchv1gozmq.UnimplementedPipelineWorker
	got func(uint64)
}

func (h gozmqHandler) Work(_ context.Context, task *benchv1.Blob) error {
	h.got(task.GetSeq())
	return nil
}

func (p *gozmqVent) Receive(_ int, got func(uint64)) error {
	return benchv1gozmq.RunPipelineWorker(p.ctx, gozmqHandler{got: got}, as[gozmq.WorkerOption](p.events.options(Options{}), gozmq.From(gozmq.Connect(p.socket.Addrs()...)))...)
}

func (p *gozmqVent) Close() {
	p.stop()
	p.socket.Close()
}

type gozmqFeed struct {
	*stopper
	events events
	pub    *gozmq.Publisher
	feed   benchv1gozmq.FeedPublisher
	subs   []*gozmq.Subscriber
	blob   *benchv1.Blob
}

func openGozmqFeed(o Options) (Stream, error) {
	if o.Filters > 0 {
		return openGozmqFilters(o)
	}
	p, err := newGozmqPublisher(o)
	if err != nil {
		return nil, err
	}
	if err := p.subscribe(o, o.received(p.pub.Addrs())); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newGozmqPublisher opens the side that sends.
func newGozmqPublisher(o Options) (*gozmqFeed, error) {
	p := &gozmqFeed{stopper: newStopper(), blob: newBlob(o.Size, 0)}
	var err error
	if p.pub, err = gozmq.NewPublisher(as[gozmq.PublisherOption](p.events.options(o), o.sent())...); err != nil {
		return nil, err
	}
	p.feed = benchv1gozmq.NewFeedPublisher(p.pub)
	return p, nil
}

// newGozmqSubscribers opens the side that receives.
func newGozmqSubscribers(o Options, addr string) (*gozmqFeed, error) {
	p := &gozmqFeed{stopper: newStopper()}
	if err := p.subscribe(o, gozmq.Connect(addr)); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *gozmqFeed) subscribe(o Options, to gozmq.Endpoints) error {
	for range o.Receivers {
		sub, err := gozmq.NewSubscriber(as[gozmq.SubscriberOption](p.events.options(o), to)...)
		if err != nil {
			return err
		}
		p.subs = append(p.subs, sub)
	}
	return nil
}

// Addr returns where the side that sends is.
func (p *gozmqFeed) Addr() string { return p.pub.Addrs()[0] }

func (p *gozmqFeed) Send(seq uint64) error {
	p.blob.Seq = seq
	return p.feed.Blobs(context.Background(), p.blob)
}

func (p *gozmqFeed) Receive(i int, got func(uint64)) error {
	for blob, err := range benchv1gozmq.NewFeedSubscriber(p.subs[i]).Blobs(p.ctx) {
		if err != nil {
			return err
		}
		got(blob.GetSeq())
	}
	return nil
}

func (p *gozmqFeed) Close() {
	p.stop()
	for _, s := range p.subs {
		s.Close()
	}
	if p.pub != nil {
		p.pub.Close()
	}
}
