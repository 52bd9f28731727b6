package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// listenTCP binds a tcp endpoint.
func listenTCP(e Endpoint) (*Listener, error) {
	host, err := localHost(e.addr)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	ln, err := net.Listen(family(host), net.JoinHostPort(host, strconv.Itoa(int(e.port))))
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, adviseTCP(e, err))
	}
	bound, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.Join(fmt.Errorf("bind %s: unexpected address %v", e, ln.Addr()), ln.Close())
	}
	return &Listener{ln: ln, endpoint: boundTCP(e, bound)}, nil
}

// family returns the network for net.Listen, which would otherwise also listen on
// IPv6 for 0.0.0.0.
func family(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return "tcp4"
	}
	return "tcp"
}

// localHost turns the host of an endpoint to bind into one for net.Listen.
func localHost(host string) (string, error) {
	if host == wildcard {
		return "", nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	iface, err := net.InterfaceByName(host)
	if err != nil {
		return host, nil // not an interface, so a host name, which net.Listen resolves
	}
	return interfaceAddr(iface)
}

// interfaceAddr returns the interface's first IPv4 address, else its first
// IPv6 address, with the zone where one is needed.
func interfaceAddr(iface *net.Interface) (string, error) {
	addrs, err := iface.Addrs()
	if err != nil {
		return "", fmt.Errorf("read the addresses of interface %s: %w", iface.Name, err)
	}
	var v6 string
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if n.IP.To4() != nil {
			return n.IP.String(), nil
		}
		if v6 == "" {
			v6 = n.IP.String()
			if n.IP.IsLinkLocalUnicast() {
				v6 += "%" + iface.Name
			}
		}
	}
	if v6 == "" {
		return "", fmt.Errorf("interface %s has no address: give it one, or bind tcp://*", iface.Name)
	}
	return v6, nil
}

func boundTCP(e Endpoint, bound *net.TCPAddr) Endpoint {
	e.port = uint16(bound.Port)
	if e.addr == wildcard {
		e.addr = netip.IPv4Unspecified().String()
		return e
	}
	ip := bound.AddrPort().Addr()
	if ip.Is4In6() {
		ip = ip.Unmap()
	}
	e.addr = ip.String()
	return e
}

func adviseTCP(e Endpoint, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: stop the program that has it, or bind another port (* takes any free one)", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine has no such address; tcp://*:%d takes every one it has", err, e.port)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: bind a port above 1023, or run with the right to bind lower ones", err)
	case errors.As(err, &dns):
		return fmt.Errorf("%q is neither a network interface of this machine nor a host name that resolves: %w", e.addr, err)
	}
	return err
}

// dialTCP connects to a tcp endpoint.
func dialTCP(ctx context.Context, e Endpoint, r Resolver) (net.Conn, error) {
	if e.addr == wildcard || e.port == 0 {
		return nil, dialError(e, errors.New("a wildcard cannot be connected to: use the bound endpoint"))
	}
	var c net.Conn
	var err error
	if r == nil {
		var d net.Dialer
		c, err = d.DialContext(ctx, "tcp", e.hostPort())
	} else {
		c, err = dialEach(ctx, e, r)
	}
	if err != nil {
		return nil, dialError(e, err)
	}
	return c, nil
}

func dialError(e Endpoint, err error) error { return fmt.Errorf("connect %s: %w", e, err) }
