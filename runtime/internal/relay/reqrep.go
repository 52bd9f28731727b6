package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const (
	// MaxFrames is how many frames a request may have. It is less than a server's
	// limit, because each proxy on the way adds a frame.
	MaxFrames = 512
	// maxEnvelope is how many bytes the other frames of a request may have in
	// addition to a body of the largest size. It is also less than a server's
	// limit.
	maxEnvelope = 32 << 10
)

// reqRep is a ROUTER for clients and a DEALER for servers.
type reqRep struct {
	forwarder
	router  *socket.ProxyRouter
	dealer  *socket.ProxyDealer
	limit   int // bytes of a request
	streams streamTable
}

// NewReqRep returns a relay for requests and their replies.
func NewReqRep(cfg Config) Relay {
	r := &reqRep{limit: cfg.Socket.MaxMessageSize + maxEnvelope}
	r.streams.init()
	r.router = socket.NewProxyRouter(cfg.side(zmtp.Router, handshake.RoleClient), window, r.newStreamClient)
	r.dealer = socket.NewProxyDealer(cfg.side(zmtp.Dealer, handshake.RoleServer), r)
	r.init(&cfg, r.router, r.dealer)
	return r
}

func (r *reqRep) Links() (front, back *link.Group) { return r.router.Links(), r.dealer.Links() }

func (r *reqRep) Start() { r.start(r.prepare) }

// prepare prepares a request; it returns false for one that is not passed on.
func (r *reqRep) prepare(p *passing) bool {
	m, out := p.m, &p.out
	if wire.IsProbe(m.Frames) {
		return false
	}
	if _, _, start, later := ofStream(m.Frames); start || later {
		return false // its streamClient has passed it on
	}
	p.route = m.AppendRoute(p.route[:0])
	out.Route = p.route
	if r.tooLarge(out) {
		r.dropped.Add(1)
		reason := fmt.Sprintf(tooLargeText, len(m.Frames), out.Size(), MaxFrames, r.limit)
		m.Malformed("%s", reason)
		r.answerTooLarge(out.Route, m.Frames, reason)
		return false
	}
	return true
}

const tooLargeText = "request of %d frames and %d bytes cannot be passed on: at most %d and %d are allowed"

// tooLarge reports whether a server would not take a request.
func (r *reqRep) tooLarge(out *socket.Frames) bool {
	return len(out.Parts) > MaxFrames || out.Size() > r.limit
}

// Receive passes replies on (socket.BatchReceiver).
func (r *reqRep) Receive(c *link.Conn, b *link.Batch) {
	p := passings.Get().(*passing)
	defer p.end()
	for i := range b.Len() {
		reply := b.Message(i)
		if wire.IsProbe(reply) {
			continue
		}
		if _, own := socket.SplitRoute(reply); r.capture != nil && own != nil {
			r.capture(true, own)
		}
		err := r.router.Reply(reply, &p.gathered)
		r.noteReply(c, reply, err)
		switch {
		case err == nil:
			r.toFront.Add(1)
		case errors.Is(err, socket.ErrUnroutable):
			r.unroutable.Add(1)
		default:
			r.dropped.Add(1)
		}
	}
}

// Close gives up requests for which no server has room: their callers will be
// disconnected.
func (r *reqRep) Close(ctx context.Context) error {
	r.giveUp()
	err := errors.Join(r.dealer.Shutdown(ctx), r.router.Shutdown(ctx))
	r.wait()
	return err
}
