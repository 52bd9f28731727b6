package gozmqtest_test

import (
	"io"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

func TestRaw(t *testing.T) {
	for _, endpoint := range []string{"tcp://127.0.0.1:*", "ipc://*", gozmqtest.Endpoint()} {
		t.Run(endpoint[:3], func(t *testing.T) {
			ln, bound, err := gozmqtest.ListenRaw(endpoint)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			near, err := gozmqtest.DialRaw(testkit.Within(t), bound)
			if err != nil {
				t.Fatal(err)
			}
			defer near.Close()
			far, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := far.Write([]byte("raw")); err != nil {
				t.Fatal(err)
			}
			far.Close()
			if got, err := io.ReadAll(near); string(got) != "raw" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestRawErrors(t *testing.T) {
	if c, err := gozmqtest.DialRaw(t.Context(), "tcp://*:1"); err == nil {
		c.Close()
		t.Error("connected to *")
	}
	if ln, _, err := gozmqtest.ListenRaw("udp://127.0.0.1:1"); err == nil {
		ln.Close()
		t.Error("bound udp")
	}
}
