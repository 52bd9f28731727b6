package render

import (
	"bytes"
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// A printer collects the text of one file.
type printer struct {
	body    bytes.Buffer
	imports *imports
}

// P prints its arguments as one line. It qualifies an identifier for the file, and
// imports its package.
func (p *printer) P(args ...any) {
	for _, arg := range args {
		if id, ok := arg.(protogen.GoIdent); ok {
			arg = p.imports.qualify(id)
		}
		fmt.Fprint(&p.body, arg)
	}
	p.body.WriteByte('\n')
}

// gozmq and impl return identifiers of the two runtime packages.
func gozmq(name string) protogen.GoIdent { return runtimePackage.Ident(name) }
func impl(name string) protogen.GoIdent  { return implPackage.Ident(name) }

// store returns identifiers of the package of stores.
func store(name string) protogen.GoIdent { return storePackage.Ident(name) }

var (
	contextContext = contextPackage.Ident("Context")
	iterSeq2       = iterPackage.Ident("Seq2")
)

// comment prints text as a comment, broken into lines.
func (p *printer) comment(text string) {
	for _, line := range wrap(text) {
		p.P("// ", line)
	}
}

// wrap breaks text into lines of a comment.
func wrap(text string) []string {
	const width = 76
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			out = append(out, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(out, line)
}

// doc prints the purpose of a declaration, then the comment of the .proto, then the
// deprecation. purpose may be empty.
func (p *printer) doc(purpose string, d plan.Doc) {
	if purpose != "" {
		p.comment(purpose)
	}
	lines := commentLines(d.Comment)
	if purpose != "" && len(lines) > 0 {
		p.P("//")
	}
	for _, line := range lines {
		p.P("//", line)
	}
	if d.Deprecated != "" && notice(lines) == "" {
		if purpose != "" || len(lines) > 0 {
			p.P("//")
		}
		p.comment("Deprecated: " + d.Deprecated)
	}
}

// deprecated prints the purpose of a declaration and its deprecation, with the
// author's text if there is one.
func (p *printer) deprecated(purpose string, d plan.Doc) {
	p.comment(purpose)
	if d.Deprecated != "" {
		p.P("//")
		p.notice(d)
	}
}

// notice prints the deprecation of a declaration, if there is one.
func (p *printer) notice(d plan.Doc) {
	if d.Deprecated == "" {
		return
	}
	text := notice(commentLines(d.Comment))
	if text == "" {
		text = "Deprecated: " + d.Deprecated
	}
	p.comment(text)
}

// commentLines returns the lines of a comment in a .proto as the text after "//".
// Each starts with a space, so that none reads as a directive, and a notice of
// deprecation gets a paragraph of its own.
func commentLines(comment string) []string {
	var out []string
	comment = strings.NewReplacer("\x00", "", "\ufeff", "").Replace(comment) // Go forbids both
	for _, line := range strings.Split(strings.Trim(comment, "\n"), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line != "" && line[0] != ' ' && line[0] != '\t' {
			line = " " + line
		}
		if isDeprecation(line) && len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, "")
		}
		out = append(out, line)
	}
	if len(out) == 1 && out[0] == "" {
		return nil
	}
	return out
}

// notice returns the paragraph of a comment with the deprecation.
func notice(lines []string) string {
	for i, line := range lines {
		if !isDeprecation(line) {
			continue
		}
		end := i
		for end < len(lines) && lines[end] != "" {
			end++
		}
		return strings.TrimSpace(strings.Join(lines[i:end], ""))
	}
	return ""
}

func isDeprecation(line string) bool {
	return strings.HasPrefix(strings.TrimSpace(line), "Deprecated: ")
}
