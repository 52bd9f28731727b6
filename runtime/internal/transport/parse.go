package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const (
	maxEndpoint = 4096 // bytes of an endpoint's text
	maxHost     = 255  // bytes of a host name with its zone
	maxName     = 255  // bytes of an inproc name; libzmq's limit
	maxQuoted   = 100  // bytes of a faulty endpoint that its error repeats
)

// ParseBind reads an endpoint to bind: "tcp://*:5555", "tcp://127.0.0.1:0" (the
// system chooses the port, as with "*" in its place), "tcp://[::1]:5555",
// "tcp://eth0:5555", "ipc:///run/app.sock", "ipc://@abstract" (Linux), "ipc://*"
// (a new path in the temporary folder), "inproc://name", "fd://3" or "fd://name"
// (a descriptor that the process has inherited, by its number or its name in
// LISTEN_FDNAMES).
// The error says what is wrong and what to write instead.
func ParseBind(s string) (Endpoint, error) { return parse(s, true) }

// ParseConnect reads an endpoint to connect to: "tcp://host:5555",
// "tcp://[::1]:5555", "ipc:///run/app.sock", "ipc://@abstract" (Linux),
// "inproc://name", "dns://host:5555" (every address of the host, each by
// itself). Wildcards have no meaning here and are refused.
// The error says what is wrong and what to write instead.
func ParseConnect(s string) (Endpoint, error) { return parse(s, false) }

func parse(s string, bind bool) (Endpoint, error) {
	e, err := parseScheme(s, bind)
	if err != nil {
		return Endpoint{}, fmt.Errorf("endpoint %s: %w", quote(s), err)
	}
	return e, nil
}

// quote keeps a hostile endpoint from filling or forging log lines.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.Quote(s[:maxQuoted]) + "..."
	}
	return strconv.Quote(s)
}

// plain returns s for use in advice, or instead if s is too long or too odd to be
// intended.
func plain(s, instead string) string {
	if len(s) > maxQuoted || strings.Trim(s, "[]*") == "" || hasForeignByte(strings.Trim(s, "[]*")) {
		return instead
	}
	return s
}

func parseScheme(s string, bind bool) (Endpoint, error) {
	if len(s) > maxEndpoint {
		return Endpoint{}, fmt.Errorf("%d bytes are too long, at most %d are allowed", len(s), maxEndpoint)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return Endpoint{}, fmt.Errorf("contains a zero byte: remove it")
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return Endpoint{}, fmt.Errorf("no transport: write tcp://host:port, ipc://path or inproc://name")
	}
	switch scheme {
	case schemeTCP:
		return parseTCP(rest, bind)
	case schemeIPC:
		return parseIPC(rest, bind)
	case schemeInproc:
		return parseInproc(rest)
	case schemeDNS:
		return parseDNS(rest, bind)
	case schemeFD:
		return parseFD(rest, bind)
	default:
		return Endpoint{}, fmt.Errorf("transport %s is not supported: write tcp://host:port, ipc://path or inproc://name", quote(scheme))
	}
}

func parseTCP(rest string, bind bool) (Endpoint, error) {
	if source, target, ok := strings.Cut(rest, ";"); ok {
		return Endpoint{}, fmt.Errorf("a source address (%s before ';') is not supported: write tcp://%s", quote(source), plain(target, "host:port"))
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return Endpoint{}, fmt.Errorf("%s after the port has no meaning: write tcp://%s", quote(rest[i:]), plain(rest[:i], "host:port"))
	}
	host, portText, err := splitHostPort(rest)
	if err != nil {
		return Endpoint{}, err
	}
	port, err := parsePort(portText, host, bind)
	if err != nil {
		return Endpoint{}, err
	}
	host, err = parseHost(host, portText, bind)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{scheme: schemeTCP, addr: host, port: port}, nil
}

// parseDNS parses the text after dns://, with the rules of tcp.
func parseDNS(rest string, bind bool) (Endpoint, error) {
	if bind {
		return Endpoint{}, fmt.Errorf("dns has a meaning only when connecting: write tcp://*:5555 to bind")
	}
	if strings.HasPrefix(rest, "/") {
		return Endpoint{}, fmt.Errorf("name servers cannot be named here: write dns://%s", plain(strings.TrimLeft(rest, "/"), "host:5555"))
	}
	e, err := parseTCP(rest, false)
	if err != nil {
		return Endpoint{}, errors.New(strings.ReplaceAll(err.Error(), "tcp://", "dns://"))
	}
	e.scheme = schemeDNS
	return e, nil
}

// splitHostPort cuts at the last colon. Brackets stay with the host.
func splitHostPort(s string) (host, port string, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return "", "", fmt.Errorf("no port: write tcp://%s:5555", plain(s, "host"))
	}
	return s[:i], s[i+1:], nil
}

func parsePort(text, host string, bind bool) (uint16, error) {
	if bind && text == wildcard {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || len(text) > 5 {
		allowed := "1 to 65535"
		if bind {
			allowed = "1 to 65535, or 0 for any free one"
		}
		return 0, fmt.Errorf("port %s is not a number from %s", quote(text), allowed)
	}
	if n == 0 && !bind {
		return 0, fmt.Errorf("port 0 has a meaning only when binding: write the port that the peer is bound to, as tcp://%s:5555", plain(host, "host"))
	}
	return uint16(n), nil
}

func parseHost(host, port string, bind bool) (string, error) {
	switch {
	case host == "" && bind:
		return "", fmt.Errorf("no host: write tcp://*:%s for every interface, or tcp://127.0.0.1:%s", port, port)
	case host == "":
		return "", fmt.Errorf("no host: write tcp://127.0.0.1:%s, or the peer's name", port)
	case host == wildcard && bind:
		return wildcard, nil
	case host == wildcard:
		return "", fmt.Errorf("host * has a meaning only when binding: write the peer's name or address, as tcp://127.0.0.1:%s", port)
	case len(host) > maxHost:
		return "", fmt.Errorf("the host name has %d bytes, at most %d are allowed", len(host), maxHost)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return parseBracketed(inner)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is6() {
			return "", fmt.Errorf("an IPv6 address needs brackets: write tcp://[%s]:%s", plain(host, "::1"), port)
		}
		return addr.String(), nil
	}
	return parseName(host, port)
}

func parseBracketed(inner string) (string, error) {
	text, ok := strings.CutSuffix(inner, "]")
	if !ok {
		return "", fmt.Errorf("a '[' without its ']': write an IPv6 address as tcp://[::1]:5555")
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is6() || hasForeignByte(text) {
		return "", fmt.Errorf("%s in brackets is not an IPv6 address: write tcp://[::1]:5555", quote(text))
	}
	return addr.String(), nil
}

// parseName checks a host's or an interface's name. It refuses only what can be
// neither; the resolver decides whether the name exists.
func parseName(name, port string) (string, error) {
	if strings.Contains(name, ":") {
		return "", fmt.Errorf("host %s has a colon: write an IPv6 address in brackets, as tcp://[::1]:%s", quote(name), port)
	}
	if hasForeignByte(name) {
		return "", fmt.Errorf("host %s has a character that no host or interface name has: write tcp://name:%s", quote(name), port)
	}
	return name, nil
}

// hasForeignByte reports a byte that occurs neither in host names, nor in
// interface names and IPv6 zones.
func hasForeignByte(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == '_', c == '%', c == ':', c >= 0x80:
		default:
			return true
		}
	}
	return false
}

func parseIPC(path string, bind bool) (Endpoint, error) {
	switch {
	case path == "":
		return Endpoint{}, fmt.Errorf("no path: write ipc:///run/app.sock")
	case path == "@":
		return Endpoint{}, fmt.Errorf("no abstract name after '@': write ipc://@app")
	case path == wildcard && !bind:
		return Endpoint{}, fmt.Errorf("path * has a meaning only when binding: write the path that the peer is bound to, as ipc:///run/app.sock")
	case path[0] == '@' && !abstractNames:
		return Endpoint{}, fmt.Errorf("abstract names exist only on Linux: write a path, as ipc:///tmp/app.sock")
	case len(path) > maxPath:
		return Endpoint{}, fmt.Errorf("the path has %d bytes, more than the %d that a socket's path may have on this system: write a shorter one, or a relative one", len(path), maxPath)
	}
	return Endpoint{scheme: schemeIPC, addr: path}, nil
}

func parseInproc(name string) (Endpoint, error) {
	switch {
	case name == "":
		return Endpoint{}, fmt.Errorf("no name: write inproc://name")
	case len(name) > maxName:
		return Endpoint{}, fmt.Errorf("the name has %d bytes, at most %d are allowed", len(name), maxName)
	}
	return Endpoint{scheme: schemeInproc, addr: name}, nil
}
