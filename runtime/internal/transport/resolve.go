package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
)

// A Resolver finds the addresses of a host's name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// maxAddresses is how many addresses of one host are used.
const maxAddresses = 1024

// Many reports whether the endpoint stands for all addresses of its host, not for
// any one of them.
func (e Endpoint) Many() bool { return e.scheme == schemeDNS }

// Resolve returns a tcp endpoint for each address of the host, sorted. It
// returns the IPv4 addresses if there are any, otherwise the IPv6 ones, so that
// a host with both does not count twice. A nil r stands for the system's
// resolver. It is an error if the host has no address.
func (e Endpoint) Resolve(ctx context.Context, r Resolver) ([]Endpoint, error) {
	addrs, err := lookup(ctx, r, e.addr)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", e, err)
	}
	if slices.ContainsFunc(addrs, netip.Addr.Is4) {
		addrs = slices.DeleteFunc(addrs, netip.Addr.Is6)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	list := make([]Endpoint, 0, min(len(addrs), maxAddresses))
	for _, a := range addrs[:min(len(addrs), maxAddresses)] {
		list = append(list, Endpoint{scheme: schemeTCP, addr: a.String(), port: e.port})
	}
	return list, nil
}

var errNoAddress = errors.New("the name has no address")

// lookup returns the addresses of a host, which may be an address itself.
func lookup(ctx context.Context, r Resolver, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if r == nil {
		r = net.DefaultResolver
	}
	var addrs []netip.Addr
	var err error
	panicked := guarded.Apart(func() { addrs, err = r.LookupNetIP(ctx, "ip", host) })
	if panicked != nil {
		return nil, fmt.Errorf("the resolver ended with a %w", panicked)
	}
	if err == nil && len(addrs) == 0 {
		err = errNoAddress
	}
	if err != nil {
		return nil, err
	}
	list := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		list[i] = a.Unmap()
	}
	return list, nil
}

// leastAttempt is the shortest time for one of several addresses, as far as the
// context allows.
const leastAttempt = 2 * time.Second

// dialEach connects to the first address of e's host that accepts the
// connection. The addresses share the time that ctx allows.
func dialEach(ctx context.Context, e Endpoint, r Resolver) (net.Conn, error) {
	addrs, err := lookup(ctx, r, e.addr)
	if err != nil {
		return nil, err
	}
	addrs = addrs[:min(len(addrs), maxAddresses)]
	var failed []error
	for i, a := range addrs {
		c, err := dialAddr(ctx, netip.AddrPortFrom(a, e.port), len(addrs)-i)
		if err == nil {
			return c, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// dialAddr connects to an address; left addresses, including it, share the
// remaining time.
func dialAddr(ctx context.Context, a netip.AddrPort, left int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok {
		all := time.Until(end)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(all/time.Duration(left), min(all, leastAttempt)))
		defer cancel()
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", a.String())
}
