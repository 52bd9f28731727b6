//go:build unix

package gozmqpostgres

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/postgrestest"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// takeover is how long it may take after the death of an owner.
const takeover = 5 * time.Second

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Owners that are killed before, in and after changes lose no task, and the ventilator
// that stands by takes over in time; at once when the owner stops in order.
func TestKilledOwner(t *testing.T) {
	random := seeded(t)
	url := server(t).URL(server(t).Addr())
	p := newPipeline(t)
	points := []string{"before", "in", "after"}
	point := func(i int) string { return fmt.Sprintf("%s %d", points[i%len(points)], 20+random.IntN(200)) }
	owner := p.start(url, point(0))
	owner.waitOwner()
	var slowest time.Duration
	for i := range 9 {
		next := p.start(url, point(i+1))
		if i == 8 {
			next.kill()
			next = p.start(url, "")
		}
		p.wait("the owner's death", func() bool {
			select {
			case <-owner.exited:
				return true
			default:
				return false
			}
		})
		died := time.Now()
		next.waitOwner()
		p.mu.Lock()
		took := next.took.Sub(died)
		p.mu.Unlock()
		slowest = max(slowest, took)
		owner = next
	}
	t.Logf("the slowest takeover after a death took %v, with a lease of %v", slowest, lease)
	if slowest > takeover {
		t.Errorf("a takeover took %v", slowest)
	}
	p.waitPushed(200)
	next := p.start(url, "")
	next.waitStandby()
	owner.end()
	ended := time.Now()
	next.waitOwner()
	p.mu.Lock()
	t.Logf("a takeover after an orderly end took %v", next.took.Sub(ended))
	p.mu.Unlock()
	p.waitPushed(100)
	next.end()
	p.finish()
}

// An owner whose process is stopped for longer than its lease, and then goes on, can
// write nothing: it stands by.
func TestStoppedOwner(t *testing.T) {
	random := seeded(t)
	url := server(t).URL(server(t).Addr())
	p := newPipeline(t)
	owner := p.start(url, "")
	owner.waitOwner()
	other := p.start(url, "")
	other.waitStandby()
	for range 4 {
		p.waitPushed(1 + random.IntN(300))
		owner.signal(syscall.SIGSTOP)
		stopped := time.Now()
		other.waitOwner()
		t.Logf("taken over %v after the owner stopped", time.Since(stopped))
		p.waitPushed(1 + random.IntN(100))
		owner.signal(syscall.SIGCONT)
		owner.waitStandby()
		owner, other = other, owner
	}
	other.end()
	p.waitPushed(100)
	owner.end()
	p.finish()
}

// Connections to the database that are cut anywhere, stall or go silent lose no task.
func TestDatabaseConnection(t *testing.T) {
	random := seeded(t)
	srv := server(t)
	p := newPipeline(t)
	var proxies [2]*gozmqtest.Proxy
	var children [2]*child
	for i := range proxies {
		proxies[i] = gozmqtest.NewProxy(t, "tcp://"+srv.Addr())
		children[i] = p.start(srv.URL(proxies[i].Endpoint()[len("tcp://"):]), "")
	}
	p.wait("an owner", func() bool { return children[0].owner || children[1].owner })
	owner := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		if children[0].owner {
			return 0
		}
		return 1
	}
	for i := range 12 {
		p.waitPushed(1 + random.IntN(200))
		at := owner()
		proxy := proxies[at]
		switch i % 4 {
		case 0:
			proxy.Reset()
		case 1: // in the middle of a change, or of its answer
			<-proxy.Cut(gozmqtest.Direction(random.IntN(2)), random.IntN(4000))
		case 2:
			proxy.Stall()
			children[1-at].waitOwner()
			proxy.Heal()
			proxy.Reset()
			children[at].waitStandby()
		case 3:
			proxy.Drop(true)
			children[1-at].waitOwner()
			proxy.Heal()
			proxy.Reset()
			children[at].waitStandby()
		}
	}
	p.waitPushed(100)
	at := owner()
	children[1-at].end()
	children[at].end()
	p.finish()
}

// A database that crashes and recovers, or restarts, loses no task.
func TestDatabaseRestart(t *testing.T) {
	srv := postgrestest.Start(t)
	url := srv.URL(srv.Addr())
	p := newPipeline(t)
	children := []*child{p.start(url, ""), p.start(url, "")}
	for i := range 4 {
		p.waitPushed(100)
		down := time.Now()
		if i%2 == 0 {
			srv.Crash()
		} else {
			srv.Stop()
		}
		if i > 1 {
			time.Sleep(lease + lease/2) // so that there is no owner any more
		}
		if err := srv.Restart(); err != nil {
			t.Fatal(err)
		}
		p.waitPushed(1)
		t.Logf("pushed again %v after the database ended", time.Since(down))
	}
	p.waitPushed(100)
	p.mu.Lock()
	if children[1].owner {
		children[0], children[1] = children[1], children[0]
	}
	p.mu.Unlock()
	children[1].end()
	children[0].end()
	p.finish()
}
