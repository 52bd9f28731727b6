package gozmq

import (
	"context"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

func TestWaitForServers(t *testing.T) {
	c := dial(t, Bind("tcp://127.0.0.1:*"))
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	wantCode(t, c.WaitForServers(short, 1), CodeDeadlineExceeded, "wait for servers: ")
	serve(t, Connect(c.Addrs()...), echoHandlers())
	if err := c.WaitForServers(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	two := make(chan error, 1)
	go func() { two <- c.WaitForServers(testkit.Within(t), 2) }()
	serve(t, Connect(c.Addrs()...), echoHandlers())
	if err := testkit.Receive(t, two, "the second server"); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	wantCode(t, c.WaitForServers(testkit.Within(t), 1), CodeCanceled, "the Conn is closed")
}
