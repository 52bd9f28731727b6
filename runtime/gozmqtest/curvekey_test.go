package gozmqtest_test

import (
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// TestCurveKey has a client that the server's authenticator knows make a call.
func TestCurveKey(t *testing.T) {
	server, client := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	at := gozmqtest.Serve(t, registerGreeter, gozmq.Bind(gozmqtest.Endpoint()),
		gozmq.WithSecurity(gozmqcurve.Server(server, gozmqcurve.AllowKeys(client.Public()))))
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(at...), gozmq.WithSecurity(gozmqcurve.Client(client, server.Public())))).For(t)
	if err := greet(testkit.Within(t), conn); err != nil {
		t.Error(err)
	}
}
