package conformance

import (
	"flag"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/leak"
)

var update = flag.Bool("update", false, "write docs/CONFORMANCE.md")

// patience is how long a test waits for what must happen. It is never waited
// for in a test that passes.
const patience = 20 * time.Second

func TestMain(m *testing.M) { leak.Main(m) }
