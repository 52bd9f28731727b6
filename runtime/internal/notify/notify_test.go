package notify

import (
	"context"
	"sync"
	"testing"
)

func TestBroadcastWakesAll(t *testing.T) {
	var mu sync.Mutex
	var b Broadcast
	b.Notify() // nobody waits
	const waiters = 10
	var ready, woken sync.WaitGroup
	ready.Add(waiters)
	for range waiters {
		woken.Go(func() {
			mu.Lock()
			changed := b.Changed()
			mu.Unlock()
			ready.Done()
			<-changed
		})
	}
	ready.Wait()
	mu.Lock()
	b.Notify()
	next := b.Changed()
	mu.Unlock()
	woken.Wait()
	select {
	case <-next:
		t.Error("a channel that was taken after Notify is closed")
	default:
	}
}

func TestBroadcastWithoutWaitersAllocatesNothing(t *testing.T) {
	var b Broadcast
	if n := testing.AllocsPerRun(100, b.Notify); n != 0 {
		t.Errorf("Notify allocates %v times", n)
	}
}

func TestTokenKeepsOne(t *testing.T) {
	token := NewToken()
	token.Set()
	token.Set()
	<-token
	select {
	case <-token:
		t.Error("two calls of Set woke twice")
	default:
	}
}

// What has happened counts, although the context has ended, too.
func TestWait(t *testing.T) {
	done, never := make(chan struct{}), make(chan struct{})
	close(done)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range 40 {
		if !Wait(ended, done) {
			t.Fatal("what has happened was not seen")
		}
	}
	if Wait(ended, never) {
		t.Error("what never happens was seen")
	}
}
