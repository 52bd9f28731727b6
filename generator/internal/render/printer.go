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

// P prints its arguments as one line. An identifier is written as the file has
// to write it, with its package imported.
func (p *printer) P(args ...any) {
	for _, arg := range args {
		if id, ok := arg.(protogen.GoIdent); ok {
			arg = p.imports.qualify(id)
		}
		fmt.Fprint(&p.body, arg)
	}
	p.body.WriteByte('\n')
}

// gozmq and impl name what generated code uses of the two runtime packages.
func gozmq(name string) protogen.GoIdent { return runtimePackage.Ident(name) }
func impl(name string) protogen.GoIdent  { return implPackage.Ident(name) }

// store names what generated code uses of the package of stores.
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

// doc prints what a declaration is for, then the comment of the .proto, then
// why not to use it. Without a purpose of its own, the comment stands alone.
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

// deprecated prints what a declaration is for and, in the author's words if
// there are any, why not to use it.
func (p *printer) deprecated(purpose string, d plan.Doc) {
	p.comment(purpose)
	if d.Deprecated != "" {
		p.P("//")
		p.notice(d)
	}
}

// notice prints why not to use a declaration, if there is a reason.
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

// commentLines returns the lines of a comment in a .proto as they stand behind
// "//". Each starts with a space, so that none reads as a directive, and a
// notice of deprecation gets a paragraph of its own.
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

// notice returns the paragraph of a comment that says why not to use something.
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
