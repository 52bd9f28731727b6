package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// pictures is how many tasks the pipeline gets, workers how many share them.
const (
	pictures = 24
	workers  = 3
)

// thumbnails shows PUSH/PULL: a ventilator, three workers that share its tasks
// and a sink that collects the results. It returns what was checked.
func thumbnails(ctx context.Context, s *stage) (string, error) {
	dir, err := os.MkdirTemp("", "gozmq-thumbnails-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	files, err := drawPictures(dir)
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "small")
	sink, _, err := pipeline(ctx, s, files, out)
	if err != nil {
		return "", err
	}
	shares, err := follow(ctx, s.log, sink, nil)
	if err != nil {
		return "", err
	}
	if len(shares) != workers {
		return "", fmt.Errorf("%d workers rendered, want %d: %s", len(shares), workers, shares)
	}
	if err := checkPictures(out); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d pictures, each rendered once: %s", pictures, shares), nil
}

// pipeline starts all the processes, each with further arguments. It returns
// the sink, and a function that starts another worker.
func pipeline(ctx context.Context, s *stage, files []string, out string, more ...string) (*process, func(name string) (*process, error), error) {
	sink, err := s.start(ctx, "sink", "thumbnails sink", append(more, "-results", anyPort, "-count", strconv.Itoa(pictures), "-out", out)...)
	if err != nil {
		return nil, nil, err
	}
	results, err := sink.endpoint(ctx)
	if err != nil {
		return nil, nil, err
	}
	args := slices.Concat(more, []string{"-tasks", anyPort, "-workers", strconv.Itoa(workers)}, files)
	vent, err := s.start(ctx, "ventilator", "thumbnails ventilator", args...)
	if err != nil {
		return nil, nil, err
	}
	tasks, err := vent.endpoint(ctx)
	if err != nil {
		return nil, nil, err
	}
	worker := func(name string) (*process, error) {
		return s.start(ctx, name, "thumbnails worker", append(more, "-tasks", tasks, "-results", results, "-name", name)...)
	}
	for i := range workers {
		if _, err := worker(fmt.Sprintf("worker-%d", i+1)); err != nil {
			return nil, nil, err
		}
	}
	return sink, worker, nil
}

// shares counts the results of each worker.
type shares map[string]int

func (s shares) String() string {
	var parts []string
	for name, n := range s {
		parts = append(parts, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// follow reads the sink's lines, "1 picture-07.png by worker-2", until it
// has ended, and says from time to time how far the pipeline is. It calls came,
// unless that is nil, with how many have come. It returns an error when a result
// came twice or not at all.
func follow(ctx context.Context, log *transcript, sink *process, came func(n int) error) (shares, error) {
	seen := make(map[string]bool)
	byWorker := make(shares)
	for line := range sink.lines(ctx) {
		var number int
		var picture, worker string
		if _, err := fmt.Sscanf(line, "%d %s by %s", &number, &picture, &worker); err != nil {
			continue
		}
		if seen[picture] {
			return nil, fmt.Errorf("%s arrived twice", picture)
		}
		seen[picture] = true
		byWorker[worker]++
		if len(seen)%(pictures/4) == 0 {
			log.say("progress", "%d of %d done: %s", len(seen), pictures, byWorker)
		}
		if came != nil {
			if err := came(len(seen)); err != nil {
				return nil, err
			}
		}
	}
	if err := sink.wait(ctx); err != nil {
		return nil, err
	}
	if len(seen) != pictures {
		return nil, fmt.Errorf("%d results arrived, want %d", len(seen), pictures)
	}
	return byWorker, nil
}
