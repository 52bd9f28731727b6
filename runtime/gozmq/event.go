package gozmq

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// An EventKind says what happened to a socket.
type EventKind uint8

const (
	EventListening       = EventKind(link.Listening)       // an endpoint was bound
	EventAcceptFailed    = EventKind(link.AcceptFailed)    // the system refused a connection
	EventDialFailed      = EventKind(link.DialFailed)      // an attempt to connect failed; another will follow
	EventHandshakeFailed = EventKind(link.HandshakeFailed) // a peer was refused, or refused us, before it was one
	EventConnected       = EventKind(link.Connected)       // a peer is ready, dialled or accepted
	EventDisconnected    = EventKind(link.Disconnected)    // a peer is gone
	EventHeartbeatLost   = EventKind(link.HeartbeatLost)   // a peer was silent for too long
	EventSubscribed      = EventKind(link.Subscribed)      // a peer subscribed to Topic
	EventUnsubscribed    = EventKind(link.Unsubscribed)    // a peer gave Topic up
	EventDropped         = EventKind(link.Dropped)         // Count messages were dropped: the peer's queue was full
	EventMalformed       = EventKind(link.Malformed)       // a message made no sense and was dropped
	EventForgotten       = EventKind(link.Forgotten)       // Topic was the longest without a message, and there are too many to remember
	EventPanic           = eventOwn + 0                    // a handler panicked
	EventTaskFailed      = eventOwn + 1                    // a worker's handler returned an error
	EventUnclaimed       = eventOwn + 2                    // a connection waits: no one iterates over the results of Method
	EventEventsLost      = eventOwn + 3                    // Count events were dropped: the observer was slow
	EventLeaseExpired    = eventOwn + 4                    // a worker held a task for too long: another one gets it
	EventTaskDead        = eventOwn + 5                    // a task was given up after Count attempts
	EventStoreFailed     = eventOwn + 6                    // a ventilator's store did not take a change
	EventOverflow        = eventOwn + 7                    // Count messages were dropped: the queue of the subscription to Topic was full
	EventTopicFailed     = eventOwn + 8                    // a message of Topic could not be decoded, or its handler returned an error
)

// Events of security.
const (
	EventAuthFailed          = EventKind(link.AuthFailed)          // a peer was refused by our authenticator or our admission rule; counts as a failed handshake
	EventSubscriptionRefused = EventKind(link.SubscriptionRefused) // a peer may not subscribe to Topic
	EventExposed             = EventKind(link.Exposed)             // PLAIN's passwords travel in clear text beyond this machine
	EventDelayed             = EventKind(link.Delayed)             // a connection waits for its handshake, up to 1 s: others from its address broke the protocol too often
)

const eventOwn EventKind = 64

// String returns the kind in lower case.
func (k EventKind) String() string {
	switch k {
	case EventListening:
		return "listening"
	case EventAcceptFailed:
		return "accept failed"
	case EventDialFailed:
		return "dial failed"
	case EventHandshakeFailed:
		return "handshake failed"
	case EventConnected:
		return "connected"
	case EventDisconnected:
		return "disconnected"
	case EventHeartbeatLost:
		return "heartbeat lost"
	case EventSubscribed:
		return "subscribed"
	case EventUnsubscribed:
		return "unsubscribed"
	case EventDropped:
		return "dropped"
	case EventMalformed:
		return "malformed"
	case EventForgotten:
		return "forgotten"
	case EventAuthFailed:
		return "authentication failed"
	case EventSubscriptionRefused:
		return "subscription refused"
	case EventExposed:
		return "exposed"
	case EventDelayed:
		return "delayed"
	case EventPanic:
		return "panic"
	case EventTaskFailed:
		return "task failed"
	case EventUnclaimed:
		return "unclaimed"
	case EventEventsLost:
		return "events lost"
	case EventLeaseExpired:
		return "lease expired"
	case EventTaskDead:
		return "task dead"
	case EventStoreFailed:
		return "store failed"
	case EventOverflow:
		return "overflow"
	case EventTopicFailed:
		return "topic failed"
	default:
		return fmt.Sprintf("event %d", uint8(k))
	}
}

// An Event is something that happened to a socket.
type Event struct {
	Kind     EventKind
	Time     time.Time
	Socket   string // the ZeroMQ type of this socket, as "ROUTER"
	Endpoint string // the endpoint that was bound or dialled; "" where there is none
	Peer     string // the peer's address; "" where there is none
	Method   string // EventPanic and those of tasks: the procedure; EventTopicFailed: the topic's name
	Topic    string // EventSubscribed, EventUnsubscribed, EventForgotten, EventTopicFailed: any bytes; EventOverflow: a pattern
	Count    int    // EventDropped, EventEventsLost, EventTaskDead, EventOverflow
	Err      error  // why; nil where nothing went wrong
	Stack    []byte // EventPanic: the goroutine's stack
}

// String returns the event in a line for people to read, without its time and
// stack: `DEALER dial failed: tcp://a:5555: connection refused`.
func (e Event) String() string {
	b := []byte(e.Socket + " " + e.Kind.String() + ":")
	for _, part := range []string{e.Endpoint, e.Peer, e.Method} {
		if part != "" {
			b = append(b, " "+part...)
		}
	}
	if e.Topic != "" {
		b = fmt.Appendf(b, " topic %q", e.Topic)
	}
	if e.Count > 0 {
		b = fmt.Appendf(b, " count %d", e.Count)
	}
	if e.Err != nil {
		b = fmt.Appendf(b, ": %v", e.Err)
	}
	return string(b)
}

// LogEvents returns an observer that logs each event: at level Info, or Warn
// where something went wrong.
func LogEvents(l *slog.Logger) func(Event) {
	return func(e Event) {
		level := slog.LevelInfo
		attrs := []slog.Attr{slog.String("socket", e.Socket)}
		add := func(name, value string) {
			if value != "" {
				attrs = append(attrs, slog.String(name, value))
			}
		}
		add("endpoint", e.Endpoint)
		add("peer", e.Peer)
		add("method", e.Method)
		add("topic", e.Topic)
		if e.Count > 0 {
			attrs = append(attrs, slog.Int("count", e.Count))
		}
		if e.Err != nil {
			level = slog.LevelWarn
			attrs = append(attrs, slog.Any("error", e.Err))
		}
		add("stack", string(e.Stack))
		l.LogAttrs(context.Background(), level, "zeromq "+e.Kind.String(), attrs...)
	}
}
