package gozmq

import "time"

// Idempotency says what happens when a call is made more than once. Its values
// are those of google.protobuf.MethodOptions.IdempotencyLevel.
type Idempotency uint8

const (
	// IdempotencyUnknown promises nothing: a call is never tried again.
	IdempotencyUnknown Idempotency = iota
	// IdempotencyNoSideEffects changes nothing, as a look-up.
	IdempotencyNoSideEffects
	// IdempotencyIdempotent has the same effect however often it is made, as a deletion.
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
	// Lease is how long a worker may hold a task without extending the lease,
	// at least once. 0: DefaultLease.
	Lease time.Duration
	// Timeout limits a call whose context has no earlier deadline. 0: no limit.
	Timeout time.Duration
	// MaxAttempts is how often a call of an idempotent method is tried at most
	// while it fails with CodeUnavailable, after pauses that grow and as long as
	// the Conn's budget of retries lasts. Less than 2: once. Besides, a call of
	// an idempotent method whose server goes moves to another one that is there,
	// up to three times; one that no server has seen or carried out always does.
	//
	// A task that is delivered at least once is handed out that often at most.
	// 0: DefaultMaxAttempts.
	MaxAttempts int
	// Bare leaves out every frame but the body's.
	Bare bool
}
