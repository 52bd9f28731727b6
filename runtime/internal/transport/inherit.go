package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Adopt returns ln as a Listener. Its endpoint is ln's address; if ln is neither
// tcp nor ipc, the network's name takes the place of the scheme.
func Adopt(ln net.Listener) *Listener {
	at := ln.Addr()
	switch a := at.(type) {
	case *net.TCPAddr:
		host := wildcard
		if !a.IP.IsUnspecified() {
			host = a.IP.String()
		}
		return &Listener{ln: ln, endpoint: boundTCP(Endpoint{scheme: schemeTCP, addr: host}, a)}
	case *net.UnixAddr:
		return &Listener{ln: ln, endpoint: Endpoint{scheme: schemeIPC, addr: a.Name}}
	}
	return &Listener{ln: ln, endpoint: Endpoint{scheme: at.Network(), addr: at.String()}}
}

// firstFD is the first descriptor that a supervisor passes (sd_listen_fds).
const firstFD = 3

// listenFD binds a descriptor that the process has inherited. The descriptor itself
// stays open, and can be bound again.
func listenFD(e Endpoint) (*Listener, error) {
	fd, err := strconv.Atoi(e.addr)
	if err != nil {
		fd, err = namedFD(e.addr)
	}
	var ln net.Listener
	if err == nil {
		ln, err = inherit(fd)
	}
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	return Adopt(ln), nil
}

// namedFD returns the descriptor to which the supervisor gave that name.
func namedFD(name string) (int, error) {
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		if pid == "" {
			return 0, errors.New("no descriptor was passed with a name (LISTEN_PID is not set): start the program from a .socket unit, or write the number, as fd://3")
		}
		return 0, fmt.Errorf("the descriptors are for process %s (LISTEN_PID), and this one is %d", pid, os.Getpid())
	}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return 0, fmt.Errorf("LISTEN_FDS is no number: %q", os.Getenv("LISTEN_FDS"))
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	names = names[:max(0, min(len(names), count))]
	i := slices.Index(names, name)
	switch {
	case i < 0:
		return 0, fmt.Errorf("no descriptor has this name: there are %q (LISTEN_FDNAMES)", names)
	case slices.Contains(names[i+1:], name):
		return 0, fmt.Errorf("several descriptors have this name: give each a .socket unit with its own FileDescriptorName=, or write the numbers, as fd://%d", firstFD+i)
	}
	return firstFD + i, nil
}

// parseFD parses the text after fd://.
func parseFD(name string, bind bool) (Endpoint, error) {
	switch {
	case !bind:
		return Endpoint{}, errors.New("a descriptor has a meaning only when binding: write tcp://host:port or ipc://path to connect")
	case name == "":
		return Endpoint{}, errors.New("no descriptor: write fd://3, or the name that the .socket unit gives it")
	case len(name) > maxName || hasForeignByte(name):
		return Endpoint{}, errors.New("this is neither the number nor the name of a descriptor: write fd://3, or the name that the .socket unit gives it")
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		if n < firstFD {
			return Endpoint{}, fmt.Errorf("descriptor %d is a standard stream: the first one that is passed on is fd://3", n)
		}
		name = strconv.FormatUint(n, 10)
	}
	return Endpoint{scheme: schemeFD, addr: name}, nil
}
