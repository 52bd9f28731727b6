package gozmq

// Version is the version of the runtime.
const Version = "0.1.0"

// Generated code refers to the newest of these constants that it needs, so
// that a runtime that is too old fails to compile and not to work.
const (
	IsAtLeastVersion0_1_0 = true
)
