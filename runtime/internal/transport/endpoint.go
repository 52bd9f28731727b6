package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// The schemes that ParseBind and ParseConnect understand.
const (
	schemeTCP    = "tcp"
	schemeIPC    = "ipc"
	schemeInproc = "inproc"
	schemeDNS    = "dns"
	schemeFD     = "fd"
)

// wildcard stands for every interface, for any free port, and for any free ipc
// path, in endpoints to bind.
const wildcard = "*"

// An Endpoint is where a socket binds or connects. It is a comparable value;
// two endpoints are equal when their canonical texts are. The zero value is no
// endpoint: it can be neither bound nor connected. Make one with ParseBind or
// ParseConnect.
type Endpoint struct {
	scheme string
	addr   string // tcp, dns: the host; ipc: the path; inproc: the name; fd: number or name
	port   uint16 // tcp, dns; 0 lets the system choose
}

// Scheme returns "tcp", "ipc", "inproc", "dns" or "fd"; "" for the zero value.
func (e Endpoint) Scheme() string { return e.scheme }

// String returns the endpoint's canonical text, which parses to an equal
// endpoint again: "tcp://*:5555", "tcp://[::1]:5555", "ipc:///run/x.sock",
// "inproc://name". The zero value gives "".
func (e Endpoint) String() string {
	switch {
	case e.scheme == "":
		return ""
	case e.scheme == schemeDNS:
		return "dns://" + e.hostPort()
	case e.scheme != schemeTCP:
		return e.scheme + "://" + e.addr
	case e.port == 0:
		return "tcp://" + net.JoinHostPort(e.addr, wildcard)
	default:
		return "tcp://" + e.hostPort()
	}
}

// SamePeer returns the form that all spellings of e share, so that two endpoints to
// connect to are the same peer if their forms are equal: the host in lower case,
// without a final dot, localhost as 127.0.0.1, and the shortest form of a path.
// Host names are not looked up.
func (e Endpoint) SamePeer() Endpoint {
	switch e.scheme {
	case schemeTCP, schemeDNS:
		e.addr = strings.ToLower(strings.TrimSuffix(e.addr, "."))
		if e.addr == "localhost" {
			e.addr = "127.0.0.1"
		}
		if ip, err := netip.ParseAddr(e.addr); err == nil {
			e.addr, e.scheme = ip.Unmap().String(), schemeTCP
		}
	case schemeIPC:
		if !strings.HasPrefix(e.addr, "@") {
			e.addr = filepath.Clean(e.addr)
		}
	}
	return e
}

func (e Endpoint) hostPort() string {
	return net.JoinHostPort(e.addr, strconv.Itoa(int(e.port)))
}

var errZeroEndpoint = errors.New("zero endpoint: make one with ParseBind or ParseConnect")

// Listen binds the endpoint. The caller closes the listener.
//
// A tcp host of "*" accepts connections on every interface, IPv4 and IPv6, and
// so does "[::]"; "0.0.0.0" does so for IPv4 only. The name of a network
// interface stands for its first address, IPv4 before IPv6. An ipc path gets
// file mode 0600; a socket file that nobody listens on is replaced; of several
// callers at the same time only one replaces it. An abstract name has no mode:
// every process in the same network namespace may connect to it. A descriptor keeps
// the address, and the socket file, that its opener chose. If the address is in use
// the error wraps syscall.EADDRINUSE, except for tcp on Windows, where it is the
// system's error.
func (e Endpoint) Listen() (*Listener, error) {
	switch e.scheme {
	case schemeTCP:
		return listenTCP(e)
	case schemeIPC:
		return listenIPC(e)
	case schemeInproc:
		return listenInproc(e)
	case schemeFD:
		return listenFD(e)
	default:
		return nil, errZeroEndpoint
	}
}

// Dial is DialWith with the system's resolver.
func (e Endpoint) Dial(ctx context.Context) (net.Conn, error) { return e.DialWith(ctx, nil) }

// DialWith connects to the endpoint, within ctx. The caller closes the
// connection.
//
// A host name is resolved again each time, by r, or by the system if r is nil. Its
// addresses are tried one after the other until one answers, also for dns. DialWith
// waits until an inproc name is bound, or ctx ends; with the other transports it
// fails at once when nobody listens.
func (e Endpoint) DialWith(ctx context.Context, r Resolver) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, dialError(e, err)
	}
	switch e.scheme {
	case schemeTCP, schemeDNS:
		return dialTCP(ctx, e, r)
	case schemeIPC:
		return dialIPC(ctx, e)
	case schemeInproc:
		return dialInproc(ctx, e)
	default:
		return nil, errZeroEndpoint
	}
}
