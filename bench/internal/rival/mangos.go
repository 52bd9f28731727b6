package rival

import (
	"errors"
	"sync"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pub"
	"go.nanomsg.org/mangos/v3/protocol/pull"
	"go.nanomsg.org/mangos/v3/protocol/push"
	"go.nanomsg.org/mangos/v3/protocol/rep"
	"go.nanomsg.org/mangos/v3/protocol/req"
	"go.nanomsg.org/mangos/v3/protocol/sub"
	_ "go.nanomsg.org/mangos/v3/transport/tcp"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

// mangosWindow is below the 128 publications that its queues hold.
const mangosWindow = 100

func mangosRival() Rival {
	return Rival{Name: "mangos", Note: "a context per caller; its publisher's queue holds 128, so its window is 100",
		Unary: openMangos, Push: openMangosPush, Feed: openMangosFeed, Window: mangosWindow, OneConn: true}
}

// A mangosPair is one socket that listens and some that dialed it.
type mangosPair struct {
	bound  mangos.Socket
	dialed []mangos.Socket
	wg     sync.WaitGroup
	once   sync.Once
}

func newMangosPair(bound, dialed func() (mangos.Socket, error), n int) (*mangosPair, error) {
	p := new(mangosPair)
	var err error
	if p.bound, err = bound(); err != nil {
		return nil, err
	}
	ln, err := p.bound.NewListener("tcp://127.0.0.1:0", nil)
	if err != nil {
		return nil, err
	}
	if err := ln.Listen(); err != nil {
		return nil, err
	}
	for range n {
		s, err := dialed()
		if err != nil {
			return nil, err
		}
		p.dialed = append(p.dialed, s)
		if err := s.Dial(ln.Address()); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *mangosPair) Close() {
	p.once.Do(func() {
		for _, s := range p.dialed {
			s.Close()
		}
		p.bound.Close()
		p.wg.Wait()
	})
}

type mangosUnary struct {
	*mangosPair
	contexts []mangos.Context
	blobs    blobs
	size     int
}

func openMangos(o Options) (Unary, error) {
	pair, err := newMangosPair(rep.NewSocket, req.NewSocket, 1)
	if err != nil {
		return nil, err
	}
	u := &mangosUnary{mangosPair: pair, blobs: newBlobs(o), size: o.Size}
	for range o.Callers {
		client, err := pair.dialed[0].OpenContext()
		if err != nil {
			return nil, err
		}
		server, err := pair.bound.OpenContext()
		if err != nil {
			return nil, err
		}
		u.contexts = append(u.contexts, client)
		pair.wg.Go(func() { serveMangos(server) })
	}
	return u, nil
}

func serveMangos(c mangos.Context) {
	for {
		body, err := c.Recv()
		if err != nil {
			return
		}
		in := new(benchv1.Blob)
		if proto.Unmarshal(body, in) != nil {
			return
		}
		if body, err = proto.Marshal(echo(in)); err != nil || c.Send(body) != nil {
			return
		}
	}
}

func (u *mangosUnary) Call(i int) error {
	body, err := proto.Marshal(u.blobs[i])
	if err != nil {
		return err
	}
	if err := u.contexts[i].Send(body); err != nil {
		return err
	}
	if body, err = u.contexts[i].Recv(); err != nil {
		return err
	}
	reply := new(benchv1.Blob)
	return check(reply, u.size, proto.Unmarshal(body, reply))
}

type mangosStream struct {
	*mangosPair
	prefix []byte // topic and a byte that ends it; nil: PUSH/PULL
	blob   *benchv1.Blob
}

func openMangosPush(o Options) (Stream, error) {
	pair, err := newMangosPair(push.NewSocket, pull.NewSocket, 1)
	return &mangosStream{mangosPair: pair, blob: newBlob(o.Size, 0)}, err
}

func openMangosFeed(o Options) (Stream, error) {
	pair, err := newMangosPair(pub.NewSocket, sub.NewSocket, o.Receivers)
	if err != nil {
		return nil, err
	}
	s := &mangosStream{mangosPair: pair, prefix: []byte(topic + "\x00"), blob: newBlob(o.Size, 0)}
	for _, d := range pair.dialed {
		if err := d.SetOption(mangos.OptionSubscribe, s.prefix); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *mangosStream) Send(seq uint64) error {
	s.blob.Seq = seq
	body, err := proto.MarshalOptions{}.MarshalAppend(append([]byte(nil), s.prefix...), s.blob)
	if err != nil {
		return err
	}
	return s.bound.Send(body)
}

func (s *mangosStream) Receive(i int, got func(uint64)) error {
	for {
		body, err := s.dialed[i].Recv()
		if errors.Is(err, mangos.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		blob := new(benchv1.Blob)
		if err := proto.Unmarshal(body[len(s.prefix):], blob); err != nil {
			return err
		}
		got(blob.GetSeq())
	}
}
