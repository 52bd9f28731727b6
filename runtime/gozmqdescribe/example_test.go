package gozmqdescribe_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqdescribe"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

// A server that describes its services, and a client that asks what it can call.
func ExampleRegister() {
	srv, err := gozmq.NewServer(gozmq.Bind("inproc://example-describe"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		fmt.Println(err)
	}
	if err := gozmqdescribe.Register(srv); err != nil {
		fmt.Println(err)
	}
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
	}

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-describe"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	resp, err := gozmqv1gozmq.NewDescriberClient(conn).Describe(ctx, &gozmqv1.DescribeRequest{Services: []string{"greet.v1.Greeter"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, file := range resp.GetFiles().GetFile() {
		for _, service := range file.GetService() {
			for _, method := range service.GetMethod() {
				fmt.Printf("%s.%s/%s(%s)\n", file.GetPackage(), service.GetName(), method.GetName(), method.GetInputType())
			}
		}
	}
	// Output:
	// greet.v1.Greeter/SayHello(.greet.v1.HelloRequest)
}
