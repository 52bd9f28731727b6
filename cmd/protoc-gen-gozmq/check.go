package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gozmq/gozmq/generator/check"
)

// errFound is the outcome of a check that has printed findings.
var errFound = errors.New("something was found")

// A checkCommand is the parsed arguments of a check.
type checkCommand struct {
	breaking    bool
	images      []string
	json        bool
	use, except []string
	opts        check.Options
}

// runCheck runs --lint or --breaking, and prints the findings.
func runCheck(args []string, stdout io.Writer) error {
	c, err := parseCheck(args)
	if err != nil {
		return usageError{err}
	}
	findings, err := c.find()
	if err != nil {
		return usageError{err}
	}
	if err := c.print(stdout, findings); err != nil {
		return err
	}
	if len(findings) > 0 {
		return errFound
	}
	return nil
}

// parseCheck reads the arguments; options may stand anywhere among the images.
func parseCheck(args []string) (*checkCommand, error) {
	c := &checkCommand{breaking: args[0] == "--breaking"}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	format := flags.String("format", "text", "")
	use, except := flags.String("use", "", ""), flags.String("except", "", "")
	flags.StringVar(&c.opts.Parameter, "opt", "", "")
	for rest := args[1:]; len(rest) > 0; {
		if err := flags.Parse(rest); err != nil {
			return nil, fmt.Errorf("%w; see protoc-gen-gozmq --help", err)
		}
		if rest = flags.Args(); len(rest) > 0 {
			c.images, rest = append(c.images, rest[0]), rest[1:]
		}
	}
	switch {
	case *format != "text" && *format != "json":
		return nil, fmt.Errorf("the format is %q and must be text or json", *format)
	case c.breaking && len(c.images) != 2:
		return nil, fmt.Errorf("--breaking needs two images, the old one and the new one, and has %d; see protoc-gen-gozmq --help", len(c.images))
	case !c.breaking && len(c.images) != 1:
		return nil, fmt.Errorf("--lint needs one image and has %d; see protoc-gen-gozmq --help", len(c.images))
	}
	c.json, c.use, c.except = *format == "json", split(*use), split(*except)
	return c, nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// find checks the images, and returns the findings of the rules in use.
func (c *checkCommand) find() ([]check.Finding, error) {
	var images []*check.Image
	for _, name := range c.images {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%w; name a file that \"buf build -o\" or protoc has written", err)
		}
		img, err := check.ReadImage(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		images = append(images, img)
	}
	var findings []check.Finding
	var err error
	if c.breaking {
		findings, err = check.Breaking(images[0], images[1], c.opts)
	} else {
		findings, err = check.Lint(images[0], c.opts)
	}
	if err != nil {
		return nil, err
	}
	return check.Select(findings, c.use, c.except)
}

// A line is a finding in JSON.
type line struct {
	Rule    string `json:"rule"`
	Name    string `json:"name,omitempty"`
	Message string `json:"message"`
	At      *place `json:"at,omitempty"`
	Against *place `json:"against,omitempty"`
}

type place struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func placeOf(p check.Position) *place {
	if p.File == "" {
		return nil
	}
	return &place{p.File, p.Line, p.Column}
}

func (c *checkCommand) print(w io.Writer, findings []check.Finding) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, f := range findings {
		var err error
		if c.json {
			err = encoder.Encode(line{f.Rule, f.Name, f.Message, placeOf(f.At), placeOf(f.Against)})
		} else {
			_, err = fmt.Fprintln(w, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
