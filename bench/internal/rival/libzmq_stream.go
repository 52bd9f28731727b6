//go:build libzmq

package rival

import (
	"errors"
	"sync"

	zmq "github.com/pebbe/zmq4"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

type libzmqStream struct {
	ctx      *zmq.Context
	sender   *zmq.Socket // nil: another process's
	addr     string      // of the sender
	receiver []*zmq.Socket
	running  sync.WaitGroup
	topic    []byte // nil: PUSH/PULL
	blob     *benchv1.Blob
	once     sync.Once
}

func openLibzmqPush(o Options) (Stream, error) {
	return openLibzmqStream(o, zmq.PUSH, zmq.PULL, 1, nil)
}

func openLibzmqFeed(o Options) (Stream, error) {
	return openLibzmqStream(o, zmq.PUB, zmq.SUB, o.Receivers, []byte(topic))
}

func openLibzmqStream(o Options, send, receive zmq.Type, n int, topic []byte) (Stream, error) {
	s, err := newLibzmqSender(o, send, topic)
	if err != nil {
		return nil, err
	}
	o.Receivers = n
	return s, s.receive(o, receive, s.addr)
}

// newLibzmqSender opens the side that sends.
func newLibzmqSender(o Options, t zmq.Type, topic []byte) (*libzmqStream, error) {
	ctx, err := zmq.NewContext()
	if err != nil {
		return nil, err
	}
	s := &libzmqStream{ctx: ctx, topic: topic, blob: newBlob(o.Size, 0)}
	s.sender, s.addr, err = libzmqBind(ctx, t, o.Listen, o.curve)
	return s, err
}

// newLibzmqReceiver opens the side that receives.
func newLibzmqReceiver(o Options, t zmq.Type, addr string, topic []byte) (*libzmqStream, error) {
	ctx, err := zmq.NewContext()
	if err != nil {
		return nil, err
	}
	s := &libzmqStream{ctx: ctx, topic: topic}
	return s, s.receive(o, t, addr)
}

func (s *libzmqStream) receive(o Options, t zmq.Type, addr string) error {
	for range o.Receivers {
		r, err := libzmqConnectWith(s.ctx, t, addr, o.curve, o.Waiting > 0 || o.Filters > 1)
		if err != nil {
			return err
		}
		if s.topic != nil {
			if err := libzmqSubscribe(r, string(s.topic), o.Filters); err != nil {
				return err
			}
		}
		s.receiver = append(s.receiver, r)
	}
	s.running.Add(o.Receivers)
	return nil
}

// Addr returns where the side that sends is.
func (s *libzmqStream) Addr() string { return s.addr }

// libzmqSubscribe subscribes to a topic, and to others for the other filters.
func libzmqSubscribe(s *zmq.Socket, topic string, filters int) error {
	for i := 1; i < filters; i++ {
		if err := s.SetSubscribe(topic + filterName(i)); err != nil {
			return err
		}
	}
	return s.SetSubscribe(topic)
}

func (s *libzmqStream) Send(seq uint64) error {
	s.blob.Seq = seq
	body, err := proto.Marshal(s.blob)
	if err != nil {
		return err
	}
	if s.topic != nil {
		if _, err := s.sender.SendBytes(s.topic, zmq.SNDMORE); err != nil {
			return err
		}
	}
	_, err = s.sender.SendBytes(body, 0)
	return err
}

func (s *libzmqStream) Receive(i int, got func(uint64)) error {
	defer s.running.Done()
	r := s.receiver[i]
	defer r.Close()
	for {
		body, err := r.RecvBytes(0)
		if err == nil && s.topic != nil {
			body, err = r.RecvBytes(0)
		}
		if zmq.AsErrno(err) == zmq.ETERM {
			return nil
		}
		if err != nil {
			return err
		}
		blob := new(benchv1.Blob)
		if err := proto.Unmarshal(body, blob); err != nil {
			return errors.Join(errors.New("decode"), err)
		}
		got(blob.GetSeq())
	}
}

func (s *libzmqStream) Close() {
	s.once.Do(func() {
		if s.sender != nil {
			s.sender.Close()
		}
		s.ctx.Term()
		s.running.Wait()
	})
}
