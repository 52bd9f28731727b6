package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// chat shows REQ/REP with streams: one client's stream of lines becomes one
// reply, a second client watches, and a third one sends and receives at once. One
// upload is refused. It returns what was checked.
func chat(ctx context.Context, s *stage) (string, error) {
	server, err := s.start(ctx, "server", "chat server", "-endpoint", anyPort)
	if err != nil {
		return "", err
	}
	endpoint, err := server.endpoint(ctx)
	if err != nil {
		return "", err
	}
	// run runs a client to its end, and compares what it prints.
	run := func(name, role string, want []string, args ...string) error {
		client, err := s.start(ctx, name, role, append([]string{"-endpoint", endpoint}, args...)...)
		if err != nil {
			return err
		}
		if err := client.wait(ctx); err != nil {
			return err
		}
		return printed(name, client, want)
	}
	if err := run("upload", "chat upload", []string{"3 lines added"}, "Ada", "one", "two", "three"); err != nil {
		return "", err
	}
	watcher, err := s.start(ctx, "watch", "chat watch", "-endpoint", endpoint, "-last", "2", "-count", "4")
	if err != nil {
		return "", err
	}
	watcher.line(ctx, 1) // it has those that were there before
	said := []string{"Grace: hello", "Grace: goodbye"}
	if err := run("talk", "chat talk", said, "Grace", "hello", "goodbye"); err != nil {
		return "", err
	}
	if err := watcher.wait(ctx); err != nil {
		return "", err
	}
	if err := printed("watch", watcher, append([]string{"Ada: two", "Ada: three"}, said...)); err != nil {
		return "", err
	}
	refused, err := s.start(ctx, "refused", "chat upload", "-endpoint", endpoint, "", "nobody's")
	if err != nil {
		return "", err
	}
	if err := refused.wait(ctx); err == nil || ctx.Err() != nil {
		return "", fmt.Errorf("an upload without an author should have failed: %v", err)
	}
	if got := strings.Join(refused.all(), "\n"); !strings.Contains(got, "line 1 has no author") {
		return "", fmt.Errorf("the refused upload printed %q, and not why", got)
	}
	return "3 lines uploaded, 4 watched, 2 sent and received at once, 1 upload refused with its reason", nil
}

// printed compares what a process has printed.
func printed(name string, p *process, want []string) error {
	if got := p.all(); !slices.Equal(got, want) {
		return fmt.Errorf("%s printed %q, want %q", name, got, want)
	}
	return nil
}
