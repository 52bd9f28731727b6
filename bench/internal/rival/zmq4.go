package rival

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/go-zeromq/zmq4"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
)

// topic is what publications go under where the library does not say itself.
const topic = benchv1gozmq.FeedBlobsProcedure

func zmq4Rival() Rival {
	return Rival{Name: "zmq4 sockets", Note: "go-zeromq/zmq4; DEALER/ROUTER", Unary: openZMQ4, Push: openZMQ4Push, Feed: openZMQ4Feed, OneConn: true}
}

// zmq4Pair binds one socket and dials it from the others.
func zmq4Pair(bound zmq4.Socket, dialed ...zmq4.Socket) error {
	if err := bound.Listen("tcp://127.0.0.1:0"); err != nil {
		return err
	}
	for _, s := range dialed {
		if err := s.Dial("tcp://" + bound.Addr().String()); err != nil {
			return err
		}
	}
	return nil
}

type zmq4Unary struct {
	*stopper
	router, dealer zmq4.Socket
	replies        []chan *benchv1.Blob // by caller, whose number is the envelope
	blobs          blobs
	size           int
}

func openZMQ4(o Options) (Unary, error) {
	s := newStopper()
	u := &zmq4Unary{stopper: s, router: zmq4.NewRouter(s.ctx), dealer: zmq4.NewDealer(s.ctx), blobs: newBlobs(o), size: o.Size}
	for range o.Callers {
		u.replies = append(u.replies, make(chan *benchv1.Blob, 1))
	}
	if err := zmq4Pair(u.router, u.dealer); err != nil {
		return nil, err
	}
	s.wg.Go(u.serve)
	s.wg.Go(u.read)
	return u, nil
}

func (u *zmq4Unary) serve() {
	for {
		m, err := u.router.Recv()
		if err != nil || u.ctx.Err() != nil {
			return
		}
		last := len(m.Frames) - 1
		in := new(benchv1.Blob)
		if last < 0 || proto.Unmarshal(m.Frames[last], in) != nil {
			continue
		}
		if m.Frames[last], err = proto.Marshal(echo(in)); err != nil || u.router.SendMulti(zmq4.NewMsgFrom(m.Frames...)) != nil {
			return
		}
	}
}

func (u *zmq4Unary) read() {
	for {
		m, err := u.dealer.Recv()
		if err != nil || u.ctx.Err() != nil {
			return
		}
		reply := new(benchv1.Blob)
		if len(m.Frames) == 2 && len(m.Frames[0]) == 8 && proto.Unmarshal(m.Frames[1], reply) == nil {
			u.replies[binary.BigEndian.Uint64(m.Frames[0])] <- reply
		}
	}
}

func (u *zmq4Unary) Call(i int) error {
	body, err := proto.Marshal(u.blobs[i])
	if err != nil {
		return err
	}
	id := binary.BigEndian.AppendUint64(nil, uint64(i))
	if err := u.dealer.SendMulti(zmq4.NewMsgFrom(id, body)); err != nil {
		return err
	}
	select {
	case reply := <-u.replies[i]:
		return check(reply, u.size, nil)
	case <-u.ctx.Done():
		return context.Canceled
	}
}

func (u *zmq4Unary) Close() {
	u.cancel()
	u.dealer.Close()
	u.router.Close()
	u.wg.Wait()
}

// A zmq4Stream is PUSH/PULL or PUB/SUB.
type zmq4Stream struct {
	ctx      context.Context
	cancel   context.CancelFunc
	sender   zmq4.Socket
	receiver []zmq4.Socket
	topic    []byte // nil: PUSH/PULL
	blob     *benchv1.Blob
	once     sync.Once
}

func openZMQ4Push(o Options) (Stream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &zmq4Stream{ctx: ctx, cancel: cancel, sender: zmq4.NewPush(ctx), receiver: []zmq4.Socket{zmq4.NewPull(ctx)}, blob: newBlob(o.Size, 0)}
	return s, zmq4Pair(s.sender, s.receiver...)
}

func openZMQ4Feed(o Options) (Stream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &zmq4Stream{ctx: ctx, cancel: cancel, sender: zmq4.NewPub(ctx), topic: []byte(topic), blob: newBlob(o.Size, 0)}
	for range o.Receivers {
		sub := zmq4.NewSub(ctx)
		s.receiver = append(s.receiver, sub)
	}
	if err := zmq4Pair(s.sender, s.receiver...); err != nil {
		return nil, err
	}
	for _, sub := range s.receiver {
		if err := sub.SetOption(zmq4.OptionSubscribe, topic); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *zmq4Stream) Send(seq uint64) error {
	s.blob.Seq = seq
	body, err := proto.Marshal(s.blob)
	if err != nil {
		return err
	}
	if s.topic != nil {
		return s.sender.SendMulti(zmq4.NewMsgFrom(s.topic, body))
	}
	return s.sender.Send(zmq4.NewMsg(body))
}

func (s *zmq4Stream) Receive(i int, got func(uint64)) error {
	for {
		m, err := s.receiver[i].Recv()
		if s.ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if len(m.Frames) == 0 {
			return errors.New("a message without frames")
		}
		blob := new(benchv1.Blob)
		if err := proto.Unmarshal(m.Frames[len(m.Frames)-1], blob); err != nil {
			return err
		}
		got(blob.GetSeq())
	}
}

func (s *zmq4Stream) Close() {
	s.once.Do(func() {
		s.cancel()
		for _, r := range s.receiver {
			r.Close()
		}
		s.sender.Close()
	})
}
