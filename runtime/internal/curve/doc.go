// Package curve implements the cryptography of CurveZMQ (RFC 26): keys, the
// handshake in both roles as state machines over the bodies of commands, and
// the boxes of the messages after it. It starts no goroutines and touches no
// network.
package curve
