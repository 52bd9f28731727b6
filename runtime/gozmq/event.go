package gozmq

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An EventKind says what happened to a socket.
type EventKind uint8

const (
	EventListening           EventKind = iota + 1 // an endpoint was bound
	EventAcceptFailed                             // the system refused a connection
	EventDialFailed                               // an attempt to connect failed; another will follow
	EventHandshakeFailed                          // a peer was refused, or refused us, before it was one
	EventConnected                                // a peer is ready, dialed or accepted
	EventDisconnected                             // a peer is gone
	EventHeartbeatLost                            // a peer was silent for too long
	EventSubscribed                               // a peer subscribed to Topic
	EventUnsubscribed                             // a peer gave Topic up
	EventDropped                                  // Count messages were dropped: the peer's queue was full, or they exceed its limit
	EventMalformed                                // a message made no sense and was dropped
	EventForgotten                                // the topic cache was full, and Topic, the least recently used, was evicted
	EventAuthFailed                               // our authenticator or our admission rule refused a peer; counts as a failed handshake
	EventSubscriptionRefused                      // a peer may not subscribe to Topic
	EventExposed                                  // PLAIN's passwords travel in clear text beyond this machine
	EventDelayed                                  // a connection waits for its handshake, up to 1 s: others from its address broke the protocol too often
	EventPanic                                    // a handler, or another function of the user, panicked
	EventTaskFailed                               // a worker's handler returned an error, or a sink's interceptor after the loop's body
	EventUnclaimed                                // no one iterates over the results of Procedure, and a connection waits; "": nor over any, and Count messages wait
	EventEventsLost                               // Count events were dropped: the event handler was slow
	EventLeaseExpired                             // a worker held a task for too long: another one gets it
	EventTaskDead                                 // a task was given up after Count attempts
	EventStoreFailed                              // a ventilator's store did not take a change, or cannot read a task
	EventOverflow                                 // Count messages were dropped: the queue of the subscription to Topic was full
	EventTopicFailed                              // a message of Topic could not be decoded, or its handler returned an error
	EventLetterFailed                             // the dead letter handler returned an error: it gets the letter again; or one that no handler wants was discarded: too many are kept
	EventProbed                                   // a peer connected and closed the connection without a byte, as load balancers do
	EventOwner                                    // the ventilator owns the queue of its task store, and hands out tasks
	EventStandby                                  // another ventilator owns the queue; with Err, this one has just lost it
)

var eventNames = [...]string{
	EventListening:           "listening",
	EventAcceptFailed:        "accept failed",
	EventDialFailed:          "dial failed",
	EventHandshakeFailed:     "handshake failed",
	EventConnected:           "connected",
	EventDisconnected:        "disconnected",
	EventHeartbeatLost:       "heartbeat lost",
	EventSubscribed:          "subscribed",
	EventUnsubscribed:        "unsubscribed",
	EventDropped:             "dropped",
	EventMalformed:           "malformed",
	EventForgotten:           "forgotten",
	EventAuthFailed:          "authentication failed",
	EventSubscriptionRefused: "subscription refused",
	EventExposed:             "exposed",
	EventDelayed:             "delayed",
	EventPanic:               "panic",
	EventTaskFailed:          "task failed",
	EventUnclaimed:           "unclaimed",
	EventEventsLost:          "events lost",
	EventLeaseExpired:        "lease expired",
	EventTaskDead:            "task dead",
	EventStoreFailed:         "store failed",
	EventOverflow:            "overflow",
	EventTopicFailed:         "topic failed",
	EventLetterFailed:        "letter failed",
	EventProbed:              "probed",
	EventOwner:               "owner",
	EventStandby:             "standby",
}

// String returns the kind in lower case.
func (k EventKind) String() string {
	if k == 0 || int(k) >= len(eventNames) {
		return fmt.Sprintf("event %d", uint8(k))
	}
	return eventNames[k]
}

// linkEvents says which event one of a connection is.
var linkEvents = [...]EventKind{
	link.Listening:           EventListening,
	link.AcceptFailed:        EventAcceptFailed,
	link.DialFailed:          EventDialFailed,
	link.HandshakeFailed:     EventHandshakeFailed,
	link.Connected:           EventConnected,
	link.Disconnected:        EventDisconnected,
	link.HeartbeatLost:       EventHeartbeatLost,
	link.Subscribed:          EventSubscribed,
	link.Unsubscribed:        EventUnsubscribed,
	link.Dropped:             EventDropped,
	link.Malformed:           EventMalformed,
	link.Forgotten:           EventForgotten,
	link.AuthFailed:          EventAuthFailed,
	link.SubscriptionRefused: EventSubscriptionRefused,
	link.Exposed:             EventExposed,
	link.Delayed:             EventDelayed,
	link.Probed:              EventProbed,
}

// An Event is something that happened to a socket.
type Event struct {
	Kind       EventKind
	Time       time.Time
	SocketType string // the ZeroMQ type of this socket, such as "ROUTER"
	Endpoint   string // the endpoint that was bound or dialed; "" where there is none
	Peer       string // the peer's address; "" where there is none
	Procedure  string // EventPanic and those of tasks: the procedure; EventTopicFailed: the topic's name
	Topic      string // EventSubscribed, EventUnsubscribed, EventForgotten, EventTopicFailed: any bytes; EventOverflow: a pattern
	Count      int    // EventDropped, EventEventsLost, EventTaskDead, EventOverflow; EventUnclaimed without a Procedure
	Err        error  // why; nil where nothing went wrong. Its text can be printed within a line
	Stack      []byte // EventPanic: the goroutine's stack
}

// String returns the event in a line for people to read, without its time and
// stack: `DEALER dial failed: tcp://a:5555: connection refused`. Whatever a
// peer has chosen of it and cannot be printed within a line is escaped.
func (e Event) String() string {
	b := []byte(e.SocketType + " " + e.Kind.String() + ":")
	for _, part := range []string{e.Endpoint, e.Peer, e.Procedure} {
		if part != "" {
			b = append(b, " "+zmtp.Line(part)...)
		}
	}
	if e.Topic != "" {
		b = fmt.Appendf(b, " topic %q", e.Topic)
	}
	if e.Count > 0 {
		b = fmt.Appendf(b, " count %d", e.Count)
	}
	if e.Err != nil {
		b = append(b, ": "+zmtp.Line(e.Err.Error())...)
	}
	return string(b)
}
