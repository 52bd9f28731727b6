package conformance

import (
	"strings"
	"testing"
)

// columns is a set of those that a property has in docs/CONFORMANCE.md.
type columns uint8

const (
	onTCP columns = 1 << iota
	onIPC
	onInproc
	onLibzmqTCP
	onLibzmqIPC

	network = onTCP | onIPC
	raw     = network | onInproc
	libzmq  = onLibzmqTCP | onLibzmqIPC
	all     = raw | libzmq
)

// A property is one line of the table.
type property struct {
	section string  // of docs/CONFORMANCE.md
	name    string  // of the test, in a few words
	text    string  // what holds
	on      columns // where it is tested
	test    func(t *testing.T, at *env)
	like    string // in place of test: the property whose tests show this one as well
	why     string // in place of both: why it is left out
}

// A section is a part of the table.
type section struct {
	number, title string
	properties    func() []property
}

var sections = []section{
	{"1", "The wire (ZMTP 3.1, RFC 23 and 37)", wireProperties},
	{"2", "The patterns (RFC 28, 29 and 30)", patternProperties},
	{"3", "Options and limits", optionProperties},
	{"4", "libzmq's own tests", portProperties},
	{"5", "Security (RFC 24, 25, 26, 27 and 32)", securityProperties},
	{"6", "What users of ZeroMQ complain of", complaintProperties},
}

// properties returns all lines, in order.
func properties() (list []property) {
	for _, s := range sections {
		list = append(list, s.properties()...)
	}
	return list
}

// title is what the property's test is called, and what the others refer to.
func (p *property) title() string { return p.section + " " + p.name }

// path is the title as go test writes it.
func (p *property) path() string { return strings.ReplaceAll(p.title(), " ", "_") }
