package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// serveHTTP is a server of another protocol.
func serveHTTP(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("tcp://" + l.Addr().String())
	srv := &http.Server{ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	return srv.Serve(l)
}

// serveSilence accepts connections and says nothing, or a line that is no greeting.
func serveSilence(line string) func(context.Context) error {
	return func(ctx context.Context) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println("tcp://" + l.Addr().String())
		context.AfterFunc(ctx, func() { _ = l.Close() })
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			defer c.Close() // they stay open until the end
			if _, err := c.Write([]byte(line)); err != nil {
				return err
			}
		}
	}
}
