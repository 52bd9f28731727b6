// Package gozmqtest helps to test programs that use the gozmq runtime.
//
// A Proxy stands between two tcp peers and breaks their connections in every
// way that a network can. NewConn, Serve, Open and Run start the ends of a
// pattern and stop them with the test; Endpoint lets them meet without a
// network; CurveKey gives them keys. Faults makes a generated client, or a
// server, fail by method.
//
// Nothing here needs a sleep: whatever happens at its own time can be waited
// for.
package gozmqtest

// TB is what this package needs of a test; a *testing.T, B or F is one.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
