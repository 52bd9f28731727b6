package interop

import (
	"os"
	"path/filepath"
	"testing"
)

// anyPort is an endpoint for bind that takes a free port.
const anyPort = "tcp://127.0.0.1:*"

// A script is one of testdata/peers with the arguments that follow its first
// endpoint.
type script struct {
	name string
	args []string
}

// start starts the script with its first endpoint.
func (s script) start(t *testing.T, how, endpoint string) (*process, []string) {
	t.Helper()
	return startPeer(t, s.name, append([]string{how, endpoint}, s.args...)...)
}

// A bindMode says which of two peers binds, and to what.
type bindMode struct {
	name       string
	firstBinds bool
	endpoint   func(t *testing.T) string
}

var bindModes = []bindMode{
	{"first binds tcp", true, tcpEndpoint},
	{"second binds tcp", false, tcpEndpoint},
	{"first binds ipc", true, ipcEndpoint},
	{"second binds ipc", false, ipcEndpoint},
}

func tcpEndpoint(*testing.T) string { return anyPort }

// ipcEndpoint returns a path short enough for every system: some allow no more
// than 103 bytes, and t.TempDir has the test's name in it.
func ipcEndpoint(t *testing.T) string {
	dir, err := os.MkdirTemp("", "gozmq")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return "ipc://" + filepath.Join(dir, "s")
}

// peers starts two scripts that meet at one endpoint.
func (m bindMode) peers(t *testing.T, a, b script) (first, second *process) {
	t.Helper()
	var at []string
	if m.firstBinds {
		first, at = a.start(t, "bind", m.endpoint(t))
		second, _ = b.start(t, "connect", at[0])
		return first, second
	}
	second, at = b.start(t, "bind", m.endpoint(t))
	first, _ = a.start(t, "connect", at[0])
	return first, second
}
