//go:build libzmq

package rival

import (
	"cmp"
	"encoding/binary"
	"errors"
	"sync"
	"syscall"

	zmq "github.com/pebbe/zmq4"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

const libzmqName = "libzmq (cgo)"

// libzmq is measured twice where there are several callers, since its sockets
// belong to one thread: all callers behind one socket and a goroutine that owns
// it, and a socket and connection for each caller.
func libzmq() []Rival {
	return []Rival{
		{Name: libzmqName, Note: "pebbe/zmq4; 1 caller: REQ, more: a DEALER and a goroutine that batches for all",
			Unary: openLibzmq, Push: openLibzmqPush, Feed: openLibzmqFeed, OneConn: true},
		{Name: "libzmq (cgo) REQ", Note: "pebbe/zmq4; a REQ socket for each caller", Unary: openLibzmqREQ, OneConn: true},
	}
}

// libzmqSocket returns a socket that closes without waiting.
func libzmqSocket(ctx *zmq.Context, t zmq.Type) (*zmq.Socket, error) {
	s, err := ctx.NewSocket(t)
	if err != nil {
		return nil, err
	}
	return s, s.SetLinger(0)
}

func libzmqBind(ctx *zmq.Context, t zmq.Type, at string, keys *keyPairs) (*zmq.Socket, string, error) {
	s, err := libzmqSocket(ctx, t)
	if err != nil {
		return nil, "", err
	}
	if keys != nil {
		if err := errors.Join(s.SetCurveServer(1), s.SetCurveSecretkey(keys.server.Z85())); err != nil {
			return nil, "", err
		}
	}
	if err := s.Bind(cmp.Or(at, anyPort)); err != nil {
		return nil, "", err
	}
	addr, err := s.GetLastEndpoint()
	return s, addr, err
}

func libzmqConnect(ctx *zmq.Context, t zmq.Type, addr string, keys *keyPairs) (*zmq.Socket, error) {
	return libzmqConnectWith(ctx, t, addr, keys, false)
}

// libzmqConnectWith has no high-water marks where that is asked for, which libzmq
// reads when it connects. A SUB socket drops subscriptions beyond its own.
func libzmqConnectWith(ctx *zmq.Context, t zmq.Type, addr string, keys *keyPairs, unlimited bool) (*zmq.Socket, error) {
	s, err := libzmqSocket(ctx, t)
	if err != nil {
		return nil, err
	}
	if unlimited {
		if err := errors.Join(s.SetSndhwm(0), s.SetRcvhwm(0)); err != nil {
			return nil, err
		}
	}
	if keys != nil {
		err := errors.Join(s.SetCurveServerkey(keys.server.Public().String()),
			s.SetCurvePublickey(keys.client.Public().String()), s.SetCurveSecretkey(keys.client.Z85()))
		if err != nil {
			return nil, err
		}
	}
	return s, s.Connect(addr)
}

type libzmqUnary struct {
	ctx  *zmq.Context
	wg   sync.WaitGroup
	reqs []*zmq.Socket // one for each caller, unless there is a dealer
	wake *zmq.Socket   // tells the dealer's owner of calls
	addr string        // of the router

	mu      sync.Mutex
	calls   []libzmqCall
	replies []chan *benchv1.Blob
	blobs   blobs
	size    int
}

type libzmqCall struct {
	caller int
	body   []byte
}

func openLibzmq(o Options) (Unary, error) {
	if o.Callers == 1 {
		return openLibzmqREQ(o)
	}
	u, err := openLibzmqRouter(o)
	if err != nil {
		return nil, err
	}
	return u, u.dial(o, u.addr)
}

// dial connects the callers to a server, which may be another process's.
func (u *libzmqUnary) dial(o Options, addr string) error {
	if o.Callers == 1 {
		return u.dialREQ(o, addr)
	}
	for range o.Callers {
		u.replies = append(u.replies, make(chan *benchv1.Blob, 1))
	}
	return u.startOwner(addr, o.curve)
}

func openLibzmqREQ(o Options) (Unary, error) {
	u, err := openLibzmqRouter(o)
	if err != nil {
		return nil, err
	}
	return u, u.dialREQ(o, u.addr)
}

func (u *libzmqUnary) dialREQ(o Options, addr string) error {
	for range o.Callers {
		req, err := libzmqConnect(u.ctx, zmq.REQ, addr, o.curve)
		if err != nil {
			return err
		}
		u.reqs = append(u.reqs, req)
	}
	return nil
}

func newLibzmqUnary(o Options) (*libzmqUnary, error) {
	ctx, err := zmq.NewContext()
	return &libzmqUnary{ctx: ctx, blobs: newBlobs(o), size: o.Size}, err
}

// openLibzmqRouter opens the side that echoes.
func openLibzmqRouter(o Options) (*libzmqUnary, error) {
	u, err := newLibzmqUnary(o)
	if err != nil {
		return nil, err
	}
	var router *zmq.Socket
	if router, u.addr, err = libzmqBind(u.ctx, zmq.ROUTER, o.Listen, o.curve); err != nil {
		return nil, err
	}
	u.wg.Go(func() { serveLibzmq(router) })
	return u, nil
}

// Addr returns where the side that echoes is.
func (u *libzmqUnary) Addr() string { return u.addr }

func (u *libzmqUnary) startOwner(addr string, keys *keyPairs) error {
	dealer, err := libzmqConnect(u.ctx, zmq.DEALER, addr, keys)
	if err != nil {
		return err
	}
	woken, err := libzmqSocket(u.ctx, zmq.PAIR)
	if err != nil {
		return err
	}
	if err := woken.Bind("inproc://wake"); err != nil {
		return err
	}
	if u.wake, err = libzmqConnect(u.ctx, zmq.PAIR, "inproc://wake", nil); err != nil {
		return err
	}
	u.wg.Go(func() {
		defer dealer.Close()
		defer woken.Close()
		u.own(dealer, woken)
	})
	return nil
}

func serveLibzmq(router *zmq.Socket) {
	defer router.Close()
	for {
		frames, err := router.RecvMessageBytes(0)
		if err != nil {
			return
		}
		last := len(frames) - 1
		in := new(benchv1.Blob)
		if proto.Unmarshal(frames[last], in) != nil {
			continue
		}
		if frames[last], err = proto.Marshal(echo(in)); err != nil {
			return
		}
		if _, err := router.SendMessage(frames); err != nil {
			return
		}
	}
}

// own sends and receives for all callers, since a socket belongs to one thread.
func (u *libzmqUnary) own(dealer, woken *zmq.Socket) {
	poller := zmq.NewPoller()
	poller.Add(dealer, zmq.POLLIN)
	poller.Add(woken, zmq.POLLIN)
	for {
		ready, err := poller.Poll(-1)
		if err != nil {
			return
		}
		for _, r := range ready {
			if r.Socket == woken {
				err = u.send(dealer, woken)
			} else {
				err = u.receive(dealer)
			}
			if err != nil {
				return
			}
		}
	}
}

func (u *libzmqUnary) send(dealer, woken *zmq.Socket) error {
	if _, err := woken.RecvBytes(0); err != nil {
		return err
	}
	u.mu.Lock()
	calls := u.calls
	u.calls = nil
	u.mu.Unlock()
	for _, c := range calls {
		id := binary.BigEndian.AppendUint64(nil, uint64(c.caller))
		if _, err := dealer.SendMessage(id, c.body); err != nil {
			return err
		}
	}
	return nil
}

func (u *libzmqUnary) receive(dealer *zmq.Socket) error {
	for {
		frames, err := dealer.RecvMessageBytes(zmq.DONTWAIT)
		if zmq.AsErrno(err) == zmq.Errno(syscall.EAGAIN) {
			return nil
		}
		if err != nil {
			return err
		}
		reply := new(benchv1.Blob)
		if err := proto.Unmarshal(frames[1], reply); err != nil {
			return err
		}
		u.replies[binary.BigEndian.Uint64(frames[0])] <- reply
	}
}

func (u *libzmqUnary) Call(i int) error {
	body, err := proto.Marshal(u.blobs[i])
	if err != nil {
		return err
	}
	if u.reqs != nil {
		return u.callAlone(u.reqs[i], body)
	}
	u.mu.Lock()
	u.calls = append(u.calls, libzmqCall{i, body})
	if len(u.calls) == 1 {
		_, err = u.wake.SendBytes(nil, 0)
	}
	u.mu.Unlock()
	if err != nil {
		return err
	}
	return check(<-u.replies[i], u.size, nil)
}

func (u *libzmqUnary) callAlone(req *zmq.Socket, body []byte) error {
	if _, err := req.SendBytes(body, 0); err != nil {
		return err
	}
	body, err := req.RecvBytes(0)
	if err != nil {
		return err
	}
	reply := new(benchv1.Blob)
	return check(reply, u.size, proto.Unmarshal(body, reply))
}

func (u *libzmqUnary) Close() {
	for _, req := range u.reqs {
		req.Close()
	}
	if u.wake != nil {
		u.wake.Close()
	}
	u.ctx.Term()
	u.wg.Wait()
}
