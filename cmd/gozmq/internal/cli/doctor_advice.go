package cli

import (
	"slices"
	"strings"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
)

// advise says what to run to talk to the endpoint, or what to change first.
func (d *diagnosis) advise() {
	switch d.Stage {
	case "done":
		d.Try = d.verbs()
	case "endpoint":
		d.try("write tcp://host:port, ipc://path or dns://host:port")
	case "dial":
		d.adviseDial()
	case "greeting":
		switch {
		case d.HTTP:
			d.try("check the port: a web server listens here")
		case strings.Contains(d.Error, "no greeting"):
			d.try("the program accepts connections and does not speak: it hangs, or the port is that of something else")
		default:
			d.try("something else listens here: check the port; HTTP, TLS and gRPC are other protocols")
		}
	case "security":
		d.adviseSecurity()
	default:
		d.adviseHandshake()
	}
}

func (d *diagnosis) try(what ...string) { d.Try = append(d.Try, what...) }

func (d *diagnosis) adviseDial() {
	switch {
	case strings.Contains(d.Error, "refused"), strings.Contains(d.Error, "no such file"):
		d.try("start the program that binds this endpoint; if it binds another one, or connects itself, use that")
	case strings.Contains(d.Error, "no such host"), strings.Contains(d.Error, "lookup"):
		d.try("check the host's name")
	case strings.Contains(d.Error, "permission"):
		d.try("run as the user of that program: sockets of ipc belong to their user")
	default:
		d.try("check the host, the route to it and its firewall")
	}
}

func (d *diagnosis) adviseSecurity() {
	switch gozmq.Mechanism(d.Mechanism) {
	case gozmq.MechanismCurve:
		d.try("gozmq doctor " + d.Endpoint + " --curve-server KEY --curve-key FILE (gozmq keygen makes one; the server has to know its public key)")
	case gozmq.MechanismPlain:
		d.try("gozmq doctor " + d.Endpoint + " --plain-user USER --plain-password-file FILE")
	case gozmq.MechanismNull:
		d.try("leave the credentials out: this endpoint has no security")
	default:
		d.try("use NULL, PLAIN or CURVE on the other side")
	}
}

func (d *diagnosis) adviseHandshake() {
	switch {
	case strings.Contains(d.Error, "server's public key"):
		d.try("compare --curve-server with the key that the server prints")
	case gozmq.Mechanism(d.Mechanism) == gozmq.MechanismCurve:
		d.try("give the server this side's public key, in its list or folder of keys")
	case gozmq.Mechanism(d.Mechanism) == gozmq.MechanismPlain:
		d.try("check the user and the password")
	default:
		d.try("look at the log of the program there; gozmq sniff " + d.Endpoint + " shows the handshake")
	}
}

// verbs are the command lines that fit the socket.
func (d *diagnosis) verbs() []string {
	e := d.Endpoint
	switch d.Role {
	case "server":
		if slices.Contains(d.Services, adminv1gozmq.AdminName) {
			return []string{"gozmq list --long " + e, "gozmq top " + e, "gozmq tasks list " + e + ", where the process has a ventilator", "--admin " + e + " with the verbs that need its schema"}
		}
		if len(d.Services) > 0 {
			return []string{"gozmq list " + e, "gozmq call " + e + " METHOD"}
		}
		return []string{"gozmq call " + e + " METHOD --image FILE", "register gozmqdescribe in the server, so that it needs no file"}
	case "publisher":
		return []string{"gozmq sub " + e + " --raw", "gozmq sub " + e + " --image FILE, or --admin ENDPOINT"}
	case "subscriber":
		return []string{"gozmq pub " + e + " TOPIC MESSAGE --image FILE"}
	case "ventilator":
		return []string{"gozmq pull " + e + " TASK --image FILE"}
	case "worker":
		return []string{"gozmq push " + e + " TASK MESSAGE --image FILE"}
	case "worker-results":
		return []string{"gozmq pull --as sink " + e + " TASK --image FILE"}
	case "sink":
		return []string{"workers send results here: gozmq pull VENTILATOR TASK --ack --to " + e}
	case "client", "proxy":
		if d.Role == "client" || d.SocketType == "DEALER" {
			return []string{"a server has to connect here: gozmq serve --connect " + e + " --image FILE"}
		}
	}
	return d.verbsOfType()
}

// verbsOfType are the command lines that fit a socket without a role.
func (d *diagnosis) verbsOfType() []string {
	e := d.Endpoint
	switch d.SocketType {
	case "ROUTER", "REP":
		return []string{"gozmq call " + e + " METHOD --image FILE", "gozmq call " + e + " --raw --bare MESSAGE, if its messages have one frame"}
	case "REQ", "DEALER":
		return []string{"a server has to connect here: gozmq serve --connect " + e + " --raw --bare"}
	case "PUB", "XPUB":
		return []string{"gozmq sub " + e + " --raw", "gozmq sub " + e + " --raw --bare, if its messages have one frame"}
	case "SUB", "XSUB":
		return []string{"gozmq pub " + e + " --raw TOPIC MESSAGE"}
	case "PUSH":
		return []string{"gozmq pull " + e + " --raw NAME", "gozmq pull " + e + " --raw --bare, if its messages have one frame"}
	case "PULL":
		return []string{"gozmq push " + e + " --raw NAME MESSAGE"}
	}
	return []string{"gozmq sniff " + e + " shows what it says to a program that dials it"}
}
