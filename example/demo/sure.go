package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// sure shows PUSH/PULL that loses no task: the pipeline of thumbnails, of which
// a worker is killed in the middle of its work. It returns what was checked.
func sure(ctx context.Context, s *stage) (string, error) {
	dir, err := os.MkdirTemp("", "gozmq-sure-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	files, err := drawPictures(dir)
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "small")
	sink, worker, err := pipeline(ctx, s, files, out, "-sure", "-pause", "30ms")
	if err != nil {
		return "", err
	}
	victim := s.named("worker-1")
	var newcomer *process
	shares, err := follow(ctx, s.log, sink, func(n int) error {
		if n != pictures/4 {
			return nil
		}
		s.log.say("demo", "killing %s", victim.name)
		var err error
		newcomer, err = worker("worker-4")
		return errors.Join(victim.kill(), err)
	})
	if err != nil {
		return "", err
	}
	if err := checkPictures(out); err != nil {
		return "", err
	}
	for _, p := range s.running {
		if p == victim || p == newcomer {
			continue // a newcomer that comes too late finds no one who tells it to end
		}
		if err := p.wait(ctx); err != nil {
			return "", err
		}
	}
	last := s.named("ventilator").all()
	progress := strings.TrimPrefix(last[len(last)-1], "progress: ")
	if !strings.HasPrefix(progress, fmt.Sprintf("%d done", pictures)) {
		return "", fmt.Errorf("the ventilator says %q in the end, want all %d done", progress, pictures)
	}
	return fmt.Sprintf("%d pictures, each arrived once although a worker was killed: %s; the ventilator says: %s", pictures, shares, progress), nil
}
