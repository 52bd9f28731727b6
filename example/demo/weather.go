package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// weather shows PUB/SUB: three subscribers of one publisher, each with another
// filter. It returns what was checked.
func weather(ctx context.Context, s *stage) (string, error) {
	publisher, err := s.start(ctx, "publisher", "weather publisher", "-endpoint", anyPort)
	if err != nil {
		return "", err
	}
	endpoint, err := publisher.endpoint(ctx)
	if err != nil {
		return "", err
	}
	subscribers := []struct {
		name, role string
		args       []string
		check      func(lines []string) error
	}{
		{"ams", "weather readings", []string{"-station", "ams", "-count", "4"}, allStartWith("ams: ")},
		{"everywhere", "weather readings", []string{"-count", "6"}, someStartWith("ams: ", "ams/harbor: ", "oslo: ")},
		{"warnings", "weather alerts", []string{"-severity", "warning", "-count", "3"}, allStartWith("SEVERITY_WARNING ")},
	}
	running := make([]*process, len(subscribers))
	for i, sub := range subscribers {
		running[i], err = s.start(ctx, sub.name, sub.role, append(sub.args, "-endpoint", endpoint)...)
		if err != nil {
			return "", err
		}
	}
	for i, sub := range subscribers {
		if err := running[i].wait(ctx); err != nil {
			return "", err
		}
		if err := sub.check(running[i].all()); err != nil {
			return "", fmt.Errorf("subscriber %s: %w", sub.name, err)
		}
	}
	return "3 subscribers got what they asked for, and nothing else", nil
}

// allStartWith checks that there are lines and that each starts with prefix.
func allStartWith(prefix string) func([]string) error {
	return func(lines []string) error {
		if len(lines) == 0 {
			return errors.New("got nothing")
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, prefix) {
				return fmt.Errorf("got %q, did not ask for it", line)
			}
		}
		return nil
	}
}

// someStartWith checks that each prefix starts some line, and each line with
// one of them.
func someStartWith(prefixes ...string) func([]string) error {
	return func(lines []string) error {
		seen := make(map[string]bool)
		for _, line := range lines {
			station, _, _ := strings.Cut(line, " ")
			seen[station+" "] = true
		}
		for _, prefix := range prefixes {
			if !seen[prefix] {
				return fmt.Errorf("got nothing of %q", prefix)
			}
		}
		if len(seen) != len(prefixes) {
			return fmt.Errorf("got more than was published: %q", lines)
		}
		return nil
	}
}
