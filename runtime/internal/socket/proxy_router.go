package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A ProxyRouter is the side of a proxy that clients connect to. It receives
// requests from its peers in rotation, each with a route that stands for its
// connection. The router makes the routes itself: identities are not used, because
// a later connection with the same one would get late replies. Requests are
// received in turns (Pull.TakeTurns). Reply may be called from any goroutine.
type ProxyRouter struct {
	pull       Pull
	maxReplies int // bytes of replies that may wait for one peer
	clients    func(c *link.Conn, route []byte) RouterClient

	mu    sync.Mutex
	last  uint64
	peers map[uint64]*link.Conn
}

// A RouterClient is the ProxyRouter's user's state for a peer. The goroutine that
// reads the connection calls its methods.
type RouterClient interface {
	// TooLarge is called in place of Take for a message that is skipped.
	OversizedReceiver
	// Take is called with each message, in order, before it can be received. It
	// returns true if it has handled the message, so that Recv does not return it.
	// The frames are valid during the call only. The connection is not read before
	// Take returns.
	Take(frames [][]byte) bool
	// Gone is called when the connection is no longer read.
	Gone()
}

// ErrUnroutable is returned for a reply whose route belongs to no connection.
var ErrUnroutable = errors.New("the reply's route leads nowhere")

// replyRoom is how many bytes of replies may wait for a peer, as a multiple of its
// high-water mark. A peer at its high-water mark is not read, so replies beyond it
// answer requests that were passed on earlier.
const replyRoom = 16

// NewProxyRouter returns a router without peers that reads up to window
// requests of one peer ahead. clients is called for each new peer. Shutdown must be
// called.
func NewProxyRouter(cfg link.Config, window int, clients func(c *link.Conn, route []byte) RouterClient) *ProxyRouter {
	r := &ProxyRouter{
		maxReplies: replyRoom * cfg.SendQueueBytes, clients: clients,
		peers: make(map[uint64]*link.Conn),
	}
	r.pull.init(cfg, FixedWindow(window), r)
	return r
}

// Links returns the router's connections.
func (r *ProxyRouter) Links() *link.Group { return r.pull.group }

// routeSize is the size of a route: a zero byte, with which no announced
// identity may begin, and a number.
const routeSize = 9

// TakeTurns is Pull.TakeTurns.
func (r *ProxyRouter) TakeTurns(lead func()) { r.pull.TakeTurns(lead) }

// TryRecv is Pull.TryRecv.
func (r *ProxyRouter) TryRecv() (Received, bool) { return r.pull.TryRecv() }

// PassTurn is Pull.PassTurn.
func (r *ProxyRouter) PassTurn() { r.pull.PassTurn() }

// AwaitTurn is Pull.AwaitTurn.
func (r *ProxyRouter) AwaitTurn() bool { return r.pull.AwaitTurn() }

// AppendRoute appends the route that stands for the connection of a request.
func (r Received) AppendRoute(b []byte) []byte { return appendRoute(b, r.batch.route) }

func appendRoute(b []byte, id uint64) []byte { return binary.BigEndian.AppendUint64(append(b, 0), id) }

// SplitRoute splits a reply into its route and its own frames. own is nil when
// there are none.
func SplitRoute(reply [][]byte) (route []byte, own [][]byte) {
	if len(reply) < 2 {
		return nil, nil
	}
	return reply[0], reply[1:]
}

// Reply sends the frames after the first one, which is a route, and never waits. It
// leaves the write to g. It returns ErrUnroutable, or link.ErrFull when too many
// bytes wait for the peer; in both cases the reply is dropped.
func (r *ProxyRouter) Reply(frames [][]byte, g *link.Gathered) error {
	route, own := SplitRoute(frames)
	c := r.peer(route)
	if c == nil {
		return ErrUnroutable
	}
	if c.Queued() >= r.maxReplies {
		c.Drop()
		return link.ErrFull
	}
	b, err := c.BeginForced()
	if err != nil {
		return ErrUnroutable
	}
	b, _ = (&Frames{Parts: own}).AppendMessage(b)
	g.Commit(c, b)
	g.WriteDue()
	return nil
}

// peer returns the connection that a route stands for, nil if it is not open.
func (r *ProxyRouter) peer(route []byte) *link.Conn {
	if len(route) != routeSize || route[0] != 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peers[binary.BigEndian.Uint64(route[1:])]
}

// SendForced sends a peer a message in its wire form, however many bytes wait for
// the peer. It does nothing if the peer is gone.
func (r *ProxyRouter) SendForced(route, message []byte) {
	if c := r.peer(route); c != nil {
		sendForced(c, message)
	}
}

// Answer is SendForced for answers that a peer can cause at will: like Reply, it
// drops the message when too many bytes wait for the peer.
func (r *ProxyRouter) Answer(route, message []byte) {
	c := r.peer(route)
	switch {
	case c == nil:
	case c.Queued() >= r.maxReplies:
		c.Drop()
	default:
		sendForced(c, message)
	}
}

// Serve reads one connection (link.Handler), as a Pull does. It stops reading
// while the peer does not read its replies, and while its requests are not
// received.
func (r *ProxyRouter) Serve(c *link.Conn) error {
	writable := newWritable(c)
	c.OnWritable(writable.room.Set)
	id := r.add(c)
	defer r.remove(id)
	peer := &pullPeer{empty: notify.NewToken()}
	peer.empty.Set()
	client := r.clients(c, appendRoute(nil, id))
	defer client.Gone()
	c.Ready()
	reader := newBatchReader(c, client)
	for {
		if err := writable.wait(); err != nil {
			return err
		}
		batch, err := reader.next(r.pull.window.Least)
		if err != nil {
			return err
		}
		if left := takeAll(client, batch); left == 0 {
			batch.Release()
			continue
		}
		peer.wait(c)
		if !r.pull.offer(peer, &pulledBatch{Batch: batch, conn: c, route: id}) {
			batch.Release()
			return link.ErrClosed
		}
	}
}

// takeAll passes the messages of a batch to client.Take, and returns how many are
// left for Recv.
func takeAll(client RouterClient, b *link.Batch) (left int) {
	for i := range b.Len() {
		if !client.Take(b.Message(i)) {
			left++
		}
	}
	return left
}

func (r *ProxyRouter) add(c *link.Conn) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.peers[r.last] = c
	return r.last
}

func (r *ProxyRouter) remove(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.peers, id)
}

// Shutdown ends Recv, hands committed replies to the kernel until ctx ends, and
// closes every connection. Requests that were not received are dropped.
func (r *ProxyRouter) Shutdown(ctx context.Context) error { return r.pull.Shutdown(ctx) }
