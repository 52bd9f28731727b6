package socket

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ProxyDealer is the side of a proxy that servers connect to: a Push that
// passes on the replies of its peers. Its methods may be called from any
// goroutine.
type ProxyDealer struct {
	push Push
	to   DealerReceiver
}

// A DealerReceiver receives the replies of servers.
type DealerReceiver interface {
	BatchReceiver
	// Stays reports whether an unsent message must not go to another server.
	Stays(frames [][]byte) bool
	// Lost is called when a server has sent its last message, and no message can be
	// given to it anymore.
	Lost(c *link.Conn)
}

// NewProxyDealer returns a dealer without peers. Shutdown must be called.
func NewProxyDealer(cfg link.Config, to DealerReceiver) *ProxyDealer {
	cfg.IgnoreLimits = true // the server itself answers requests that are too large for it
	cfg.PassOver = true
	d := &ProxyDealer{to: to}
	d.push.init(cfg, d)
	d.push.stays = func(message []byte) bool { return to.Stays(splitFrames(message)) }
	return d
}

// splitFrames returns the frames of a message in its wire form; nil for a command.
func splitFrames(message []byte) (frames [][]byte) {
	for len(message) > 0 {
		h, ok, err := zmtp.ParseHeader(message)
		if !ok || err != nil || h.Command() {
			return nil
		}
		end := h.Len + int(h.Size)
		frames = append(frames, message[h.Len:end])
		message = message[end:]
	}
	return frames
}

// Links returns the dealer's connections.
func (d *ProxyDealer) Links() *link.Group { return d.push.group }

// Send sends a request (Push.Send).
func (d *ProxyDealer) Send(ctx context.Context, m Message) error { return d.push.Send(ctx, m) }

// TrySend is Push.TrySend.
func (d *ProxyDealer) TrySend(m Message, g *link.Gathered) (bool, error) {
	return d.push.TrySend(m, g)
}

// SendPlaced is Send for the first message of a stream. It calls placed with the
// connection before the server can have the request; placed must not wait.
func (d *ProxyDealer) SendPlaced(ctx context.Context, m Message, placed func(*link.Conn)) error {
	return d.push.Send(ctx, &placedFrames{m, placed})
}

type placedFrames struct {
	Message
	placed func(*link.Conn)
}

func (p *placedFrames) placedAt(c *link.Conn) { p.placed(c) }

// ErrServerGone is returned for a message to a server that is gone.
var ErrServerGone = errors.New("the connection to the server has ended")

// SendTo sends a message to one server, and waits while its queue is full. It
// returns ErrServerGone, link.ErrClosed, or the context's error.
func (d *ProxyDealer) SendTo(ctx context.Context, c *link.Conn, m Message) error {
	p := &d.push
	for {
		p.mu.Lock()
		closed, change := p.closed, p.change.Changed()
		p.mu.Unlock()
		if closed {
			return link.ErrClosed
		}
		b, err := c.Begin()
		if err == nil {
			if b, err = appendTo(c, b, m); err == nil {
				c.CommitLater(b)
			}
			return err
		}
		if !errors.Is(err, link.ErrFull) {
			return ErrServerGone
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SendForced sends a server a message in its wire form, even if its queue is full.
// It does nothing if the server is gone.
func (d *ProxyDealer) SendForced(c *link.Conn, message []byte) { sendForced(c, message) }

func sendForced(c *link.Conn, message []byte) {
	if b, err := c.BeginForced(); err == nil {
		c.CommitLater(append(b, message...))
	}
}

// Serve adds a peer until its connection ends, and passes on its replies
// (link.Handler).
func (d *ProxyDealer) Serve(c *link.Conn) error {
	return d.push.serve(c, func(c *link.Conn) error {
		err := receive(c, d.to)
		c.EndWrites(err) // a client that learns of the end may send its request again at once
		d.to.Lost(c)
		return err
	})
}

// Shutdown closes every connection (Push.Shutdown). Replies are passed on until it
// returns.
func (d *ProxyDealer) Shutdown(ctx context.Context) error { return d.push.Shutdown(ctx) }
