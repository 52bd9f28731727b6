package gozmqimpl

// Generated code refers to the constant of the oldest version that it works
// with, so that it does not compile with an older runtime.
const (
	IsAtLeastVersion0_1_0 = true
)
