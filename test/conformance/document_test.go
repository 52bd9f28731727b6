package conformance

import (
	"fmt"
	"math/bits"
	"os"
	"strings"
	"testing"
)

const document = "../../docs/CONFORMANCE.md"

const preamble = `# Conformance

What ZeroMQ's documents, its RFCs and libzmq's own tests ask of a socket, as far
as a pattern of this runtime is concerned, and where each property is tested.
This page is generated: %s
writes it from what its tests have just done, and without ` + "`-update`" + ` fails when it is
stale.

The first three columns are transports; the other end of the connection is
played byte by byte. In the last two it is a socket of libzmq. **pass**: the test ran
there and passed. **–**: the property has no test there.

The test of a property is ` + "`TestConformance/`" + ` and its number and name, with ` + "`_`" + ` for
spaces, in ` + "`test/conformance`" + `:

` + "```sh" + `
go test ./test/conformance -run 'TestConformance/1.1_padding' -v
` + "```" + `

REQ stands for our client, a DEALER that matches replies; REP for our server, a
ROUTER; XPUB and XSUB for the two sides of our proxy.

`

var columnNames = []string{"tcp", "ipc", "inproc", "libzmq tcp", "libzmq ipc"}

// checkDocument compares the document with what has just been seen, if that was
// everything.
func checkDocument(t *testing.T, passed results) {
	t.Helper()
	for _, p := range properties() {
		if missing := p.on &^ passed[p.title()]; missing != 0 {
			if *update {
				t.Errorf("%s: did not pass everywhere: docs/CONFORMANCE.md is not written (set GOZMQ_INTEROP=1, and no -run)", p.title())
			}
			return
		}
	}
	now := render(passed)
	if *update {
		if err := os.WriteFile(document, []byte(now), 0o644); err != nil {
			t.Error(err)
		}
		return
	}
	before, err := os.ReadFile(document)
	if err != nil || string(before) != now {
		t.Errorf("docs/CONFORMANCE.md is stale (%v): run GOZMQ_INTEROP=1 go test ./test/conformance -update and check it in", err)
	}
}

// render returns the document.
func render(passed results) string {
	var b strings.Builder
	fmt.Fprintf(&b, preamble, "`GOZMQ_INTEROP=1 go test ./test/conformance -update`")
	renderTotals(&b, passed)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s %s\n\n", s.number, s.title)
		b.WriteString("| property | | " + strings.Join(columnNames, " | ") + " |\n")
		b.WriteString("|---|---|" + strings.Repeat("---|", len(columnNames)) + "\n")
		for _, p := range s.properties() {
			if p.why == "" {
				renderProperty(&b, &p, passed)
			}
		}
	}
	b.WriteString("\n## Left out\n\n| property | | why |\n|---|---|---|\n")
	for _, p := range properties() {
		if p.why != "" {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", p.title(), p.text, p.why)
		}
	}
	return b.String()
}

func renderTotals(b *strings.Builder, passed results) {
	tested, alike, left, cells := 0, 0, 0, 0
	for _, p := range properties() {
		switch {
		case p.test != nil:
			tested++
			cells += bits.OnesCount8(uint8(passed[p.title()]))
		case p.like != "":
			alike++
		default:
			left++
		}
	}
	fmt.Fprintf(b, "%d properties have a test, which ran and passed in %d environments; %d more are shown by\nthe test of another; %d are [left out](#left-out).\n", tested, cells, alike, left)
}

func renderProperty(b *strings.Builder, p *property, passed results) {
	shown, text := p.title(), p.text
	if p.like != "" {
		shown = p.like
		text += " (See " + p.like + ".)"
	}
	fmt.Fprintf(b, "| %s | %s |", p.title(), text)
	for i := range columnNames {
		cell := "–"
		if passed[shown]&(1<<i) != 0 {
			cell = "pass"
		}
		fmt.Fprintf(b, " %s |", cell)
	}
	b.WriteString("\n")
}
