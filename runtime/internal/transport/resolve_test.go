package transport

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A book is a resolver that knows one name.
type book []string

func (b book) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" || host != "name.test" {
		return nil, fmt.Errorf("asked for %s addresses of %s", network, host)
	}
	var list []netip.Addr
	for _, s := range b {
		list = append(list, netip.MustParseAddr(s))
	}
	return list, nil
}

func TestResolve(t *testing.T) {
	var many, first []string
	for i := range 2000 {
		many = append(many, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
	}
	for _, a := range many[:maxAddresses] {
		first = append(first, "tcp://"+a+":7")
	}
	tests := []struct {
		name string
		host string
		book book
		want []string
		err  string
	}{
		{name: "one", host: "name.test", book: book{"10.0.0.1"}, want: []string{"tcp://10.0.0.1:7"}},
		{name: "sorted, each once", host: "name.test", book: book{"10.0.0.2", "10.0.0.10", "10.0.0.2"}, want: []string{"tcp://10.0.0.2:7", "tcp://10.0.0.10:7"}},
		{name: "IPv4 before IPv6", host: "name.test", book: book{"2001:db8::1", "10.0.0.2"}, want: []string{"tcp://10.0.0.2:7"}},
		{name: "IPv4 as IPv6", host: "name.test", book: book{"::ffff:10.0.0.2"}, want: []string{"tcp://10.0.0.2:7"}},
		{name: "IPv6 alone", host: "name.test", book: book{"2001:db8::2", "2001:db8::1"}, want: []string{"tcp://[2001:db8::1]:7", "tcp://[2001:db8::2]:7"}},
		{name: "an address", host: "[::1]", want: []string{"tcp://[::1]:7"}},
		{name: "none", host: "name.test", book: book{}, err: "resolve dns://name.test:7: the name has no address"},
		{name: "unknown", host: "other.test", err: "resolve dns://other.test:7: asked for ip addresses of other.test"},
		{name: "more than count", host: "name.test", book: many, want: first},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ParseConnect("dns://" + tt.host + ":7")
			if err != nil || !e.Many() {
				t.Fatalf("got %v, %v", e, err)
			}
			list, err := e.Resolve(testkit.Within(t), tt.book)
			var got []string
			for _, a := range list {
				got = append(got, a.String())
				if a.Many() {
					t.Errorf("%v stands for many", a)
				}
			}
			if !slices.Equal(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, %v, want %v, %s", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestDialTriesAllAddresses has a host where the last address answers.
func TestDialTriesAllAddresses(t *testing.T) {
	l := mustListen(t, "tcp://127.0.0.1:*")
	for _, scheme := range []string{"tcp", "dns"} {
		e, err := ParseConnect(fmt.Sprintf("%s://name.test:%d", scheme, l.Endpoint().port))
		if err != nil {
			t.Fatal(err)
		}
		c, err := e.DialWith(testkit.Within(t), book{"127.0.0.3", "127.0.0.2", "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		_, err = e.DialWith(testkit.Within(t), book{"127.0.0.3", "127.0.0.2"})
		if err == nil || !strings.Contains(err.Error(), "127.0.0.3") || !strings.Contains(err.Error(), "127.0.0.2") {
			t.Errorf("the error does not say what became of each address: %v", err)
		}
	}
}

// TestDialNamesAnew: the answer of one attempt does not count for the next.
func TestDialNamesAnew(t *testing.T) {
	l := mustListen(t, "tcp://127.0.0.1:*")
	e, err := ParseConnect(fmt.Sprintf("tcp://name.test:%d", l.Endpoint().port))
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range []book{{"127.0.0.2"}, {"127.0.0.1"}, {}, {"127.0.0.1"}} {
		c, err := e.DialWith(testkit.Within(t), known)
		if good := slices.Contains(known, "127.0.0.1"); good != (err == nil) {
			t.Errorf("%v: %v", known, err)
		}
		if err == nil {
			c.Close()
		}
	}
}
