package gozmq

import (
	"context"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// Workers come and go while tasks keep coming: each stops while it has read
// some tasks, more are on their way to it and others wait in the ventilator's
// queue. Every task is run once.
func TestWorkersHandOver(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		const n, shifts = 5000, 5
		p := s.pipeline(t, nil, nil)
		done := make(chan struct{})
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { p.push(t, n) })
		wg.Go(func() {
			for shift := range shifts {
				started := make(chan struct{}, n)
				w := work(t, squaring(func(ctx context.Context, task *number) (*number, error) {
					started <- struct{}{}
					return squares(ctx, task)
				}), p.from, p.to, WithLinger(testkit.Patience()))
				if shift == shifts-1 {
					return // the last one stays
				}
				select {
				case <-started:
				case <-done: // the ones before were quick
				}
				if err := w.stop(); err != nil {
					t.Errorf("RunWorker: %v", err)
				}
			}
		})
		p.wantSquares(t, n)
		close(done)
	})
}
