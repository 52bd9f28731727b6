package gozmqzap_test

import (
	"log"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqzap"
)

// A server whose clients a ZAP handler in another process decides on.
func ExampleDial() {
	zap, err := gozmqzap.Dial(gozmq.Connect("ipc:///run/zap.sock"))
	if err != nil {
		log.Fatal(err)
	}
	defer zap.Close()
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithSecurity(gozmq.PlainServer(zap.Authenticate).WithDomain("greetings")))
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	// Output:
}
