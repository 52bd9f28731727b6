package soak

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/leak"
)

var (
	soakFor    = flag.Duration("soak", 2*time.Second, "how long TestSoak breaks things")
	hostileFor = flag.Duration("hostile", 0, "how long a round of TestHostile measures a good peer's rate; 0: not at all")
	soakSeed   = flag.Uint64("soak.seed", 0, "seed of all that is random; 0: a new one")
)

// TestMain is also how a peer in a process of its own starts.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(runChild(role, os.Args[1:]))
	}
	leak.Main(m)
}

// newRand returns a source of chance whose seed is logged.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed: -soak.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
