package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// greeter shows REQ/REP: a client's calls are answered by a server, and one
// call is refused. It returns what was checked.
func greeter(ctx context.Context, s *stage) (string, error) {
	server, err := s.start(ctx, "server", "greeter server", "-endpoint", anyPort)
	if err != nil {
		return "", err
	}
	endpoint, err := server.endpoint(ctx)
	if err != nil {
		return "", err
	}
	client, err := s.start(ctx, "client", "greeter client", "-endpoint", endpoint, "Ada", "Grace", "Edsger")
	if err != nil {
		return "", err
	}
	if err := client.wait(ctx); err != nil {
		return "", err
	}
	want := []string{"Hello, Ada!", "Hello, Grace!", "Hello, Edsger!"}
	if got := client.all(); !slices.Equal(got, want) {
		return "", fmt.Errorf("the client printed %q, want %q", got, want)
	}

	nameless, err := s.start(ctx, "nameless", "greeter client", "-endpoint", endpoint, "")
	if err != nil {
		return "", err
	}
	if err := nameless.wait(ctx); err == nil || ctx.Err() != nil {
		return "", fmt.Errorf("a call without a name should have failed: %v", err)
	}
	if got := strings.Join(nameless.all(), "\n"); !strings.Contains(got, "name must not be empty") {
		return "", fmt.Errorf("the refused client printed %q, and not why", got)
	}
	return "3 calls answered, 1 refused with its reason", nil
}
