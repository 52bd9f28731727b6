package gozmq

import "time"

// Idempotency says whether a call may be made more than once. Its values are
// those of google.protobuf.MethodOptions.IdempotencyLevel.
type Idempotency uint8

const (
	// IdempotencyUnknown promises nothing: a call that may have been carried
	// out is never made again.
	IdempotencyUnknown Idempotency = iota
	// IdempotencyNoSideEffects is for a method that changes nothing, like a
	// look-up.
	IdempotencyNoSideEffects
	// IdempotencyIdempotent is for a method that has the same effect however
	// often it is called, like a deletion.
	IdempotencyIdempotent
)

// String returns the name of the level.
func (i Idempotency) String() string {
	switch i {
	case IdempotencyNoSideEffects:
		return "no_side_effects"
	case IdempotencyIdempotent:
		return "idempotent"
	default:
		return "unknown"
	}
}

// A Method describes one rpc of a REQ/REP or PUSH/PULL service. Generated code
// makes the values; they must not be changed.
type Method struct {
	// Procedure is the method's name on the wire: "package.Service/Method".
	Procedure string
	// Idempotency is the method's standard idempotency_level option.
	Idempotency Idempotency
	// Delivery is the guarantee for the tasks of a PUSH/PULL service.
	Delivery Delivery
	// Lease is how long a worker may hold a task with DeliveryAtLeastOnce
	// without extending the lease. 0: a minute.
	Lease time.Duration
	// Timeout limits a call whose context has no earlier deadline. 0: no limit.
	Timeout time.Duration
	// MaxAttempts limits the attempts of a call of an idempotent method that
	// fails with CodeUnavailable. The pauses between attempts grow, and the
	// Conn's budget of retries may end them earlier. Less than 2: one attempt.
	// Apart from that, a call whose server disconnects moves to another server:
	// up to three times if its method is idempotent, and always if no server
	// has seen it or carried it out.
	//
	// With DeliveryAtLeastOnce it limits how often a task may fail, and how
	// often its worker may be lost or its lease may expire. 0: 20.
	MaxAttempts int
	// Backoff is how long a task with DeliveryAtLeastOnce waits after its first
	// attempt has failed, or has lost its worker, and BackoffFactor how many times
	// as long after each further one, up to MaxBackoff. 0: as WithRetryBackoff
	// says, and a factor of 2.
	Backoff, MaxBackoff time.Duration
	BackoffFactor       float64
	// Limit limits the tasks of the method with DeliveryAtLeastOnce, and KeyLimit
	// those of each PushOptions.Key, unless WithTaskLimit says otherwise.
	Limit, KeyLimit TaskLimit
	// Retain is how long a task with DeliveryAtLeastOnce is kept with its result
	// after it was done, unless PushOptions.Retain says otherwise. 0: not at all.
	Retain time.Duration
	// Bare says that messages have one frame only, the body.
	Bare bool
	// TopicTemplate is the template of a topic, such as "weather/{station}"; "" for
	// what is no topic.
	TopicTemplate string
	// ClientStreams and ServerStreams say which sides send a stream of messages.
	ClientStreams, ServerStreams bool
}
