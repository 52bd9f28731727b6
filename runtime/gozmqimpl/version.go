package gozmqimpl

// Generated code refers to the newest of these constants that it needs, so
// that a runtime that is too old fails to compile and not to work.
const (
	IsAtLeastVersion0_1_0 = true
)
