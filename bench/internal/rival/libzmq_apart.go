//go:build libzmq

package rival

import (
	"errors"
	"fmt"

	zmq "github.com/pebbe/zmq4"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

func libzmqEnds() []Ends {
	return []Ends{{
		Name:  libzmqName,
		Serve: func(o Options) (Server, error) { return openLibzmqRouter(o) },
		Dial: func(o Options, addr string) (Unary, error) {
			u, err := newLibzmqUnary(o)
			if err != nil {
				return nil, err
			}
			return u, u.dial(o, addr)
		},
		Push:    func(o Options) (Sender, error) { return newLibzmqSender(o, zmq.PUSH, nil) },
		Pull:    func(o Options, addr string) (Receiver, error) { return newLibzmqReceiver(o, zmq.PULL, addr, nil) },
		Publish: func(o Options) (Sender, error) { return newLibzmqSender(o, zmq.PUB, []byte(topic)) },
		Subscribe: func(o Options, addr string) (Receiver, error) {
			return newLibzmqReceiver(o, zmq.SUB, addr, []byte(topic))
		},
	}}
}

// RunLibzmqProxy runs zmq_proxy, with its default settings, until the process ends,
// once ready has got the endpoints of its two sides.
func RunLibzmqProxy(pattern gozmq.Pattern, ready func(front, back string) error) error {
	sides, ok := map[gozmq.Pattern][2]zmq.Type{
		gozmq.PatternReqRep:   {zmq.ROUTER, zmq.DEALER},
		gozmq.PatternPubSub:   {zmq.XSUB, zmq.XPUB},
		gozmq.PatternPushPull: {zmq.PULL, zmq.PUSH},
	}[pattern]
	if !ok {
		return fmt.Errorf("no proxy for %v", pattern)
	}
	ctx, err := zmq.NewContext()
	if err != nil {
		return err
	}
	front, frontAddr, err1 := libzmqBind(ctx, sides[0], "", nil)
	back, backAddr, err2 := libzmqBind(ctx, sides[1], "", nil)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := ready(frontAddr, backAddr); err != nil {
		return err
	}
	return zmq.Proxy(front, back, nil)
}
