package gozmq

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// defaultMaxMessageSize is the limit that WithMaxMessageSize changes.
const defaultMaxMessageSize = 4 << 20

// A SocketOption is an option of every constructor that opens sockets.
type SocketOption interface {
	DialOption
	ServerOption
	PublisherOption
	SubscriberOption
	VentilatorOption
	WorkerOption
	SinkOption
	ProxyOption
}

// Options of one role each. The functions named With… and the types Endpoints
// make them.
type (
	// DialOption is an option of Dial.
	DialOption interface{ applyDial(*dialConfig) }
	// ServerOption is an option of NewServer.
	ServerOption interface{ applyServer(*serverConfig) }
	// PublisherOption is an option of NewPublisher.
	PublisherOption interface{ applyPublisher(*publisherConfig) }
	// SubscriberOption is an option of NewSubscriber.
	SubscriberOption interface{ applySubscriber(*subscriberConfig) }
	// SubscriptionOption is an option of one subscription. Passed to
	// NewSubscriber, it is the default for all subscriptions.
	SubscriptionOption interface {
		SubscriberOption
		TopicHandlerOption
		applySubscription(*subscriptionConfig)
	}
	// TopicHandlerOption is an option of HandleTopics.
	TopicHandlerOption interface{ applyHandler(*handlerConfig) }
	// VentilatorOption is an option of NewVentilator.
	VentilatorOption interface{ applyVentilator(*ventilatorConfig) }
	// WorkerOption is an option of NewWorker.
	WorkerOption interface{ applyWorker(*workerConfig) }
	// SinkOption is an option of NewSink.
	SinkOption interface{ applySink(*sinkConfig) }
)

// socketConfig is what all roles have in common.
type socketConfig struct {
	link.Config
	endpoints Endpoints
	linger    time.Duration
	observer  func(Event)
	codec     *Codec  // nil: not given
	errs      []error // of options that made no sense by themselves
}

func newSocketConfig(t zmtp.SocketType, role handshake.Role) socketConfig {
	return socketConfig{
		linger: time.Second,
		Config: link.Config{
			SocketType:         t,
			Role:               role,
			MaxMessageSize:     defaultMaxMessageSize,
			SendQueue:          1000,
			SendQueueBytes:     4 << 20,
			ConnectTimeout:     10 * time.Second,
			HandshakeTimeout:   10 * time.Second,
			MaxHandshakes:      256,
			MaxPeers:           65536,
			MaxPeersPerAddress: 4096,
			ReconnectMin:       100 * time.Millisecond,
			ReconnectMax:       30 * time.Second,
			Lasting:            5 * time.Second,
			HeartbeatInterval:  10 * time.Second,
			HeartbeatTimeout:   30 * time.Second,
			HeartbeatTTL:       30 * time.Second,
		},
	}
}

// newPipelineConfig is newSocketConfig for the way from a ventilator to its
// workers: what the kernels hold is lost with a worker, and no other one can
// have it.
func newPipelineConfig(t zmtp.SocketType, role handshake.Role) socketConfig {
	c := newSocketConfig(t, role)
	c.KernelSend, c.KernelReceive = pipelineBuffer, pipelineBuffer
	return c
}

// pipelineBuffer is enough for full speed within a machine and a local network.
const pipelineBuffer = 64 << 10

type socketOption func(*socketConfig)

// WithRoutingID announces a routing id of 1 to 255 bytes, of which the first is
// not 0. Peers may log it (Peer.RoutingID) and use it to address this socket;
// it is no proof of identity. A server, or the front of a proxy for REQ/REP,
// refuses a peer whose routing id another connected peer has, so each process
// needs a different one.
func WithRoutingID(id string) SocketOption {
	return socketOption(func(c *socketConfig) { c.Identity = id })
}

// WithMaxMessageSize limits the size of a message's body in bytes, up to 1 GiB,
// sent or received. A message that is too large for its receiver costs the
// receiver no memory, and fails alone: a call fails with CodeResourceExhausted, a
// subscriber's streams yield an error with that code in place of a publication, a
// task with DeliveryAtLeastOnce becomes a dead letter, as does one whose result is
// too large, and a task or result with DeliveryAtMostOnce is dropped and reported.
// Each end announces its limit to the other, which then does not send such a
// message: Push fails if no worker that is connected takes the task. A peer that
// sends a request with bare framing that is too large is disconnected. The frames
// beside the body may have 64 KiB more. Default: 4 MiB.
//
// All messages that have come in part may take 256 MiB of the socket's memory
// together, or 4 times the limit if that is more. Beyond that, messages of more
// than 64 KiB wait for room, and a peer whose message makes no progress for 1 s is
// disconnected.
func WithMaxMessageSize(n int) SocketOption {
	return socketOption(func(c *socketConfig) { c.MaxMessageSize = n })
}

// WithSendQueue sets the high-water marks of the queue for each peer, which is
// full at that many messages or bytes. The kernel's buffers come on top of it.
// Defaults: 1000 and 4 MiB.
func WithSendQueue(messages, bytes int) SocketOption {
	return socketOption(func(c *socketConfig) { c.SendQueue, c.SendQueueBytes = messages, bytes })
}

// WithKernelBuffers sets the sizes of the kernel's buffers for each connection
// in bytes (SO_SNDBUF, SO_RCVBUF; Linux doubles them), 16 KiB to 1 GiB each; 0
// leaves the size to the kernel. With small buffers more messages wait where
// they can still go to another peer; on a path with a long delay they limit the
// rate to their size per round trip. Defaults: 64 KiB each in ventilators and
// workers, else 0.
func WithKernelBuffers(send, receive int) SocketOption {
	return socketOption(func(c *socketConfig) { c.KernelSend, c.KernelReceive = send, receive })
}

// WithHeartbeat sends each peer a PING every interval, and ends a connection
// from which nothing was received for timeout, which must be at least twice the
// interval. It keeps a silent peer whose kernel still takes bytes, as over a
// slow line, and a PULL or SUB of libzmq that does not read because its queue
// is full. 0, 0 disables heartbeats; a peer's are still answered. Defaults: 10
// s and 30 s.
func WithHeartbeat(interval, timeout time.Duration) SocketOption {
	return socketOption(func(c *socketConfig) {
		c.HeartbeatInterval, c.HeartbeatTimeout, c.HeartbeatTTL = interval, timeout, timeout
	})
}

// WithReconnectBackoff sets the pause before a lost or failed connection is dialed
// again: first, doubling up to limit, each spread by a quarter at random. A
// connection that has lasted for 5 s, or for limit if that is less, starts over at
// first. While a call, a push or Ready waits for a peer there is no pause of
// more than 1 s, or 5 s if connections end as soon as they are made. Defaults:
// 100 ms and 30 s.
func WithReconnectBackoff(first, limit time.Duration) SocketOption {
	return socketOption(func(c *socketConfig) { c.ReconnectMin, c.ReconnectMax = first, limit })
}

// WithStopWhenRefused stops dialing an endpoint whose peer refuses us, because
// its authenticator or admission rule does, or because its socket type does not
// fit ours. Without the option the endpoint is dialed again after the longest
// pause of WithReconnectBackoff. A refusal is not authenticated: with this
// option an attacker on the network, or a server that has an old list of keys,
// can stop this socket for good.
func WithStopWhenRefused() SocketOption {
	return socketOption(func(c *socketConfig) { c.StopWhenRefused = true })
}

// A Resolver finds the addresses of hosts; a *net.Resolver is one. It is called
// with the network "ip", from several goroutines at once.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// WithResolver makes r look up the hosts that the socket connects to. Default:
// the system's resolver.
func WithResolver(r Resolver) SocketOption {
	return socketOption(func(c *socketConfig) { c.Resolver = r })
}

// WithConnectTimeout limits one attempt to dial, and the handshake after it.
// Defaults: 10 s each.
func WithConnectTimeout(dial, handshake time.Duration) SocketOption {
	return socketOption(func(c *socketConfig) { c.ConnectTimeout, c.HandshakeTimeout = dial, handshake })
}

// WithMaxHandshakes limits how many accepted connections may be shaking hands.
// When a further one comes, the oldest of those that wait for their peer is closed,
// after 100 ms without a greeting or 1 s without the next step; else the new one
// waits. Those that wait for our authenticator keep their places. Default: 256.
func WithMaxHandshakes(n int) SocketOption {
	return socketOption(func(c *socketConfig) { c.MaxHandshakes = n })
}

// WithMaxPeers limits the number of accepted connections. A further one is
// closed at once. Default: 65536.
func WithMaxPeers(n int) SocketOption {
	return socketOption(func(c *socketConfig) { c.MaxPeers = n })
}

// WithMaxPeersPerAddress limits how many accepted connections may come from one
// address, or with IPv6 from one network of 64 bits. A further one is closed at
// once. Loopback, ipc and inproc are not counted. Raise it where many peers are
// behind one address, as a load balancer's. Default: 4096.
func WithMaxPeersPerAddress(n int) SocketOption {
	return socketOption(func(c *socketConfig) { c.MaxPeersPerAddress = n })
}

// WithLinger sets how long Close waits until the messages that were sent have
// reached the kernel. Default: 1 s.
func WithLinger(d time.Duration) SocketOption {
	return socketOption(func(c *socketConfig) { c.linger = d })
}

// WithEventHandler calls f with each Event of the socket, one at a time and in
// order, in a separate goroutine. When f does not keep up, events are dropped,
// and EventEventsLost reports their number. When f panics, its next event is
// EventPanic. f must not close the socket: Close waits for f.
func WithEventHandler(f func(Event)) SocketOption {
	return socketOption(func(c *socketConfig) { c.observer = f })
}

// check reports everything that is wrong with the options.
func (c *socketConfig) check() error {
	errs := slices.Clone(c.errs)
	fail := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if err := zmtp.CheckIdentity(c.Identity); err != nil {
		errs = append(errs, fmt.Errorf("WithRoutingID: %w", err))
	}
	fail(c.MaxMessageSize < 1 || c.MaxMessageSize > 1<<30, "WithMaxMessageSize: %d bytes, want 1 to %d", c.MaxMessageSize, 1<<30)
	fail(c.SendQueue < 1 || c.SendQueueBytes < 1, "WithSendQueue: %d messages and %d bytes, want at least 1 of each", c.SendQueue, c.SendQueueBytes)
	for _, n := range []int{c.KernelSend, c.KernelReceive} {
		fail(n != 0 && (n < 16<<10 || n > 1<<30), "WithKernelBuffers: %d bytes, want 0 or %d to %d", n, 16<<10, 1<<30)
	}
	fail(c.ConnectTimeout <= 0 || c.HandshakeTimeout <= 0, "WithConnectTimeout: %v and %v, want more than 0", c.ConnectTimeout, c.HandshakeTimeout)
	fail(c.MaxHandshakes < 1, "WithMaxHandshakes: %d, want at least 1", c.MaxHandshakes)
	fail(c.MaxPeers < 1, "WithMaxPeers: %d, want at least 1", c.MaxPeers)
	fail(c.MaxPeersPerAddress < 1, "WithMaxPeersPerAddress: %d, want at least 1", c.MaxPeersPerAddress)
	fail(c.ReconnectMin <= 0 || c.ReconnectMax < c.ReconnectMin, "WithReconnectBackoff: first %v and limit %v, want 0 < first <= limit", c.ReconnectMin, c.ReconnectMax)
	fail(c.HeartbeatInterval == 0 && c.HeartbeatTimeout != 0,
		"WithHeartbeat: timeout %v without an interval, want an interval of at most half of it, or 0 and 0 for no heartbeats", c.HeartbeatTimeout)
	fail(c.HeartbeatInterval < 0, "WithHeartbeat: interval %v, want 0 or more", c.HeartbeatInterval)
	fail(c.HeartbeatInterval > 0 && c.HeartbeatTimeout < 2*c.HeartbeatInterval,
		"WithHeartbeat: timeout %v, want at least twice the interval of %v", c.HeartbeatTimeout, c.HeartbeatInterval)
	fail(c.codec != nil && *c.codec == nil, "WithCodec: nil, want a codec")
	fail(c.linger < 0, "WithLinger: %v, want 0 or more", c.linger)
	return errors.Join(errs...)
}

// lingering calls shutdown with a context that ends after d.
func lingering(d time.Duration, shutdown func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errLinger)
	defer cancel()
	return shutdown(ctx)
}

var errLinger = errors.New("closed with messages unsent (raise the time with WithLinger)")
