package gozmqpostgres

import (
	"os"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/internal/postgrestest"
)

// roleVariable makes the test binary a ventilator.
const roleVariable = "GOZMQPOSTGRES_VENTILATOR"

// TestMain is also how processes of their own start.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		os.Exit(runVentilator(os.Args[1:]))
	}
	leak.Main(m, func() {
		if shared.server != nil {
			shared.server.Close()
		}
	})
}

// shared is the server of all tests that leave it as it is. What it has said is
// durable survives the end of its process, though not of the machine.
var shared struct {
	once   sync.Once
	server *postgrestest.Server
	err    error
}

func server(t testing.TB) *postgrestest.Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = postgrestest.New("fsync=off") })
	postgrestest.Check(t, shared.err)
	return shared.server
}
