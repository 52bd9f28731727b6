package transport

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseAccepts(t *testing.T) {
	tests := []struct {
		name, in      string
		bind, connect string // canonical text; "" where the endpoint is refused
	}{
		{"host and port", "tcp://example.com:5555", "tcp://example.com:5555", "tcp://example.com:5555"},
		{"short host", "tcp://a:1", "tcp://a:1", "tcp://a:1"},
		{"underscore and dash", "tcp://my_host-1:1", "tcp://my_host-1:1", "tcp://my_host-1:1"},
		{"international name", "tcp://münchen.example:1", "tcp://münchen.example:1", "tcp://münchen.example:1"},
		{"highest port", "tcp://a:65535", "tcp://a:65535", "tcp://a:65535"},
		{"port with zeros", "tcp://a:00080", "tcp://a:80", "tcp://a:80"},
		{"address", "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"},
		{"every address", "tcp://0.0.0.0:5555", "tcp://0.0.0.0:5555", "tcp://0.0.0.0:5555"},
		{"v6", "tcp://[::1]:5", "tcp://[::1]:5", "tcp://[::1]:5"},
		{"v6 written long", "tcp://[0:0:0::0001]:5", "tcp://[::1]:5", "tcp://[::1]:5"},
		{"v6 with zone", "tcp://[fe80::1%eth0]:5", "tcp://[fe80::1%eth0]:5", "tcp://[fe80::1%eth0]:5"},
		{"any host", "tcp://*:5555", "tcp://*:5555", ""},
		{"any host and port", "tcp://*:*", "tcp://*:*", ""},
		{"any port", "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", ""},
		{"port 0", "tcp://127.0.0.1:0", "tcp://127.0.0.1:*", ""},
		{"v6, port 0", "tcp://[::1]:0", "tcp://[::1]:*", ""},
		{"interface", "tcp://eth0:5555", "tcp://eth0:5555", "tcp://eth0:5555"},
		{"path", "ipc:///run/app.sock", "ipc:///run/app.sock", "ipc:///run/app.sock"},
		{"relative path", "ipc://app.sock", "ipc://app.sock", "ipc://app.sock"},
		{"path with odd bytes", "ipc:///tmp/a b;*:\xff", "ipc:///tmp/a b;*:\xff", "ipc:///tmp/a b;*:\xff"},
		{"longest path", "ipc://" + strings.Repeat("p", maxPath), "ipc://" + strings.Repeat("p", maxPath), "ipc://" + strings.Repeat("p", maxPath)},
		{"any path", "ipc://*", "ipc://*", ""},
		{"name", "inproc://name", "inproc://name", "inproc://name"},
		{"every address of a name", "dns://example.com:5555", "", "dns://example.com:5555"},
		{"every address of an address", "dns://[::1]:5555", "", "dns://[::1]:5555"},
		{"name of any bytes", "inproc://#1 \xff://x", "inproc://#1 \xff://x", "inproc://#1 \xff://x"},
		{"longest name", "inproc://" + strings.Repeat("n", 255), "inproc://" + strings.Repeat("n", 255), "inproc://" + strings.Repeat("n", 255)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkParse(t, "ParseBind", ParseBind, tt.in, tt.bind)
			checkParse(t, "ParseConnect", ParseConnect, tt.in, tt.connect)
		})
	}
}

func checkParse(t *testing.T, name string, parse func(string) (Endpoint, error), in, want string) {
	t.Helper()
	e, err := parse(in)
	if got := e.String(); got != want {
		t.Errorf("%s(%q) = %q, %v; want %q", name, in, got, err, want)
	}
	if (err == nil) != (want != "") {
		t.Errorf("%s(%q): error %v", name, in, err)
	}
	if want == "" {
		return
	}
	if again, err := parse(want); again != e || err != nil {
		t.Errorf("%s(%q) = %v, %v; the canonical text must give the same endpoint", name, want, again, err)
	}
	if scheme, _, _ := strings.Cut(want, ":"); e.Scheme() != scheme {
		t.Errorf("%s(%q).Scheme() = %q", name, in, e.Scheme())
	}
}

func TestParseAbstract(t *testing.T) {
	want := ""
	if abstractNames {
		want = "ipc://@name"
	}
	checkParse(t, "ParseBind", ParseBind, "ipc://@name", want)
	checkParse(t, "ParseConnect", ParseConnect, "ipc://@name", want)
}

// Where an endpoint is refused.
const (
	bind       = 1
	connecting = 2
	both       = bind | connecting
)

type refusal struct {
	in    string
	where int
	want  string // part of the error
}

func TestParseRefuses(t *testing.T) {
	checkRefusals(t, []refusal{
		{"", both, "no transport: write tcp://host:port, ipc://path or inproc://name"},
		{"localhost:5555", both, "no transport"},
		{"tcp:/localhost:5555", both, "no transport"},
		{"://a:1", both, `transport "" is not supported`},
		{"pgm://eth0;239.192.1.1:5555", both, `transport "pgm" is not supported: write tcp://`},
		{"udp://a:1", both, `transport "udp" is not supported`},
		{"ws://a:1/x", both, `transport "ws" is not supported`},
		{"TCP://a:1", both, `transport "TCP" is not supported: write tcp://`},
		{" tcp://a:1", both, `transport " tcp" is not supported`},
		{"ipc://", both, "no path"},
		{"ipc://a\x00b", both, "contains a zero byte"},
		{"ipc://*", connecting, "path * has a meaning only when binding"},
		{"ipc://" + strings.Repeat("p", maxPath+1), both, fmt.Sprintf("the path has %d bytes, more than the %d", maxPath+1, maxPath)},
		{"inproc://", both, "no name"},
		{"dns://a:1", bind, "dns has a meaning only when connecting: write tcp://*:5555"},
		{"dns:///a:1", connecting, "name servers cannot be named here: write dns://a:1"},
		{"dns://a", connecting, "no port: write dns://a:5555"},
		{"dns://*:1", connecting, "host * has a meaning only when binding"},
		{"inproc://" + strings.Repeat("n", 256), both, "the name has 256 bytes"},
		{"inproc://" + strings.Repeat("n", 5000), both, "5009 bytes are too long"},
	})
}

func TestParseRefusesPort(t *testing.T) {
	checkRefusals(t, []refusal{
		{"tcp://", both, "no port"},
		{"tcp://localhost", both, "no port: write tcp://localhost:5555"},
		{"tcp://[::1]", both, "no port: write tcp://[::1]:5555"},
		{"tcp://localhost:", both, `port "" is not a number`},
		{"tcp://localhost:http", both, `port "http" is not a number from 1 to 65535`},
		{"tcp://localhost:65536", both, `port "65536" is not a number`},
		{"tcp://localhost:-1", both, `port "-1"`},
		{"tcp://localhost:+1", both, `port "+1"`},
		{"tcp://localhost:1_0", both, `port "1_0"`},
		{"tcp://localhost:000001", both, `port "000001"`},
		{"tcp://localhost:١", both, "is not a number"},
		{"tcp://localhost:1 ", both, `port "1 "`},
		{"tcp://a:0", connecting, "port 0 has a meaning only when binding"},
		{"tcp://a:*", connecting, `port "*" is not a number from 1 to 65535`},
		{"tcp://a:5555/", both, "write tcp://a:5555"},
		{"tcp://a:5555?x=1", both, "has no meaning"},
		{"tcp://a\nb", both, "no port: write tcp://host:5555"},
		{"tcp://" + strings.Repeat("a", 999), both, "no port: write tcp://host:5555"},
		{"tcp://a:1/" + strings.Repeat("a", 999), both, "after the port has no meaning"},
	})
}

func TestParseRefusesHost(t *testing.T) {
	checkRefusals(t, []refusal{
		{"tcp://:5555", bind, "no host: write tcp://*:5555"},
		{"tcp://:5555", connecting, "no host: write tcp://127.0.0.1:5555"},
		{"tcp://*:5555", connecting, "host * has a meaning only when binding"},
		{"tcp://a:!", bind, "or 0 for any free one"},
		{"tcp://192.168.1.1:0;10.0.0.1:5555", both, `a source address ("192.168.1.1:0" before ';') is not supported: write tcp://10.0.0.1:5555`},
		{"tcp://;a:1", connecting, "source address"},
		{"tcp://::1:5555", both, "an IPv6 address needs brackets: write tcp://[::1]:5555"},
		{"tcp://a:b:5555", both, "has a colon"},
		{"tcp://[::1:5555", both, "'[' without its ']'"},
		{"tcp://[127.0.0.1]:5555", both, "in brackets is not an IPv6 address"},
		{"tcp://[]:5555", both, "in brackets is not an IPv6 address"},
		{"tcp://[fe80::1%a b]:5555", both, "in brackets is not an IPv6 address"},
		{"tcp://user@host:5555", both, "has a character that no host"},
		{"tcp://a b:5555", both, "has a character that no host"},
		{"tcp://a\nb:5555", both, "has a character that no host"},
		{"tcp://a\x00b:5555", both, "contains a zero byte"},
		{"tcp://" + strings.Repeat("a", 256) + ":1", both, "the host name has 256 bytes"},
	})
}

func checkRefusals(t *testing.T, tests []refusal) {
	for _, tt := range tests {
		t.Run(tt.in[:min(len(tt.in), 40)], func(t *testing.T) {
			if tt.where&bind != 0 {
				checkRefused(t, "ParseBind", ParseBind, tt.in, tt.want)
			}
			if tt.where&connecting != 0 {
				checkRefused(t, "ParseConnect", ParseConnect, tt.in, tt.want)
			}
		})
	}
}

func checkRefused(t *testing.T, name string, parse func(string) (Endpoint, error), in, want string) {
	t.Helper()
	e, err := parse(in)
	if err == nil || e != (Endpoint{}) {
		t.Fatalf("%s(%q) = %v, %v; want an error and no endpoint", name, in, e, err)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%s(%q): %v\nwant a text with %q", name, in, err, want)
	}
	if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\n\x00") {
		t.Errorf("%s(%q): the error repeats what it should not: %q", name, in, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"tcp://*:*", "tcp://[::1]:5", "tcp://[fe80::1%eth0]:5", "tcp://a;b:1", "tcp://127.0.0.1:0",
		"dns://a:1", "dns:///a:1", "dns://[::1]:1", "ipc://@x", "ipc:///a", "ipc://*", "inproc://a", "udp://a:1", "tcp://[", "tcp://]:1", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (Endpoint, error){ParseBind, ParseConnect} {
			e, err := parse(s)
			if (err == nil) != (e != Endpoint{}) {
				t.Fatalf("parse(%q) = %v, %v", s, e, err)
			}
			if err != nil {
				if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
					t.Fatalf("parse(%q): the error repeats what it should not: %q", s, err)
				}
				continue
			}
			if again, err := parse(e.String()); again != e || err != nil {
				t.Fatalf("parse(%q) = %q, which gives %v, %v", s, e, again, err)
			}
		}
	})
}

// TestSamePeer checks which spellings of an endpoint are the same peer.
func TestSamePeer(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"tcp://localhost:1", "tcp://127.0.0.1:1", true},
		{"tcp://LOCALHOST.:1", "tcp://localhost:1", true},
		{"tcp://[::ffff:10.0.0.1]:1", "tcp://10.0.0.1:1", true},
		{"tcp://[0:0::1]:1", "tcp://[::1]:1", true},
		{"dns://10.0.0.1:1", "tcp://10.0.0.1:1", true},
		{"ipc:///tmp//a/../b", "ipc:///tmp/b", true},
		{"inproc://a", "inproc://a", true},
		{"tcp://localhost:1", "tcp://[::1]:1", false},
		{"tcp://localhost:1", "tcp://localhost:2", false},
		{"dns://example.com:1", "tcp://example.com:1", false},
		{"ipc://@a//b", "ipc://@a/b", false},
		{"inproc://a", "inproc://A", false},
	} {
		a, errA := ParseConnect(tt.a)
		b, errB := ParseConnect(tt.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if same := a.SamePeer() == b.SamePeer(); same != tt.same {
			t.Errorf("%s and %s: %v, want %v", tt.a, tt.b, same, tt.same)
		}
	}
}
