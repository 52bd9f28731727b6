// Package gozmqtest helps to test programs that use the gozmq runtime.
//
// A Proxy passes bytes on between tcp peers and breaks their connections in the
// ways that a network can. NewConn, Serve, Open and Run start the ends of a
// pattern and stop them when the test ends; Endpoint lets them connect without
// a network; CurveKey makes keys. Faults makes the calls of a generated client,
// or of a server, fail by method, and streams by message. Messages and Sent serve
// handlers with streams that are tested without a network.
//
// Tests need no sleep: there is a function to wait for each thing that takes
// time.
package gozmqtest

// TB has the methods of a test that this package needs; *testing.T, *testing.B
// and *testing.F implement it.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
