// Package cli is the command line of the command gozmq: the subcommands, each in
// its own file, over the other internal packages.
package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// rootCommand returns the command with all its verbs.
func rootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "gozmq",
		Short: "Look at a running system of gozmq or ZeroMQ programs, and talk to it",
		Long: `gozmq looks at a running system and talks to it, in all three patterns: calls
(REQ/REP), topics (PUB/SUB) and tasks (PUSH/PULL).

It learns services, methods, topics and tasks from, in this order: a descriptor
image or .proto files that the command line names; the running system itself,
which describes itself if its program has registered gozmqdescribe or the admin
service; the files of the named context. With --raw it needs none of them, and
sends and prints bytes, also to and from plain ZeroMQ programs.

An endpoint is tcp://host:port, ipc://path or dns://host:port. It stands first,
and may be left out when a named context has it (gozmq context).

Secrets stand in files, in the environment or in files that a context names,
never on the command line:
  GOZMQ_CONTEXT           a named context
  GOZMQ_CURVE_KEY         as --curve-key: the file of a secret key
  GOZMQ_CURVE_SECRET_KEY  the secret key itself, in Z85
  GOZMQ_CURVE_SERVER      as --curve-server
  GOZMQ_PLAIN_USER, GOZMQ_PLAIN_PASSWORD

` + exitHelp(),
		Version:           gozmq.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		Args:              noVerb,
		PersistentPreRun:  func(cmd *cobra.Command, _ []string) { a.ends.Verb = cmd.CommandPath() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return wrongf("%w; see %s --help", err, cmd.CommandPath())
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.InitDefaultHelpFlag()
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(verbs(a)...)
	root.AddCommand(roleVerbs(a)...)
	for _, c := range root.Commands() {
		strict(c)
		a.completeContextFlags(c)
	}
	return root
}

// noVerb is the error of a verb that does not exist.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return wrongf("there is no verb %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return wrongf("there is no verb %q; see %s --help", args[0], cmd.CommandPath())
}

// verbs are the verbs, in the order of the help.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		listCommand(a),
		describeCommand(a),
		callCommand(a),
		serveCommand(a),
		tasksCommand(a),
		healthCommand(a),
		checkCommand(a),
		contextCommand(a),
		keygenCommand(a),
		completionCommand(a),
	}
}

// strict marks errors in the arguments of c and its subcommands as faults of the
// command line.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return wrongf("%w; see %s --help", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// completeContextFlags lets the shells complete --context of c and its verbs.
func (a *app) completeContextFlags(c *cobra.Command) {
	if c.Flags().Lookup("context") != nil {
		_ = c.RegisterFlagCompletionFunc("context", a.completeContexts)
	}
	for _, sub := range c.Commands() {
		a.completeContextFlags(sub)
	}
}

// endFlags adds the flags of endpoints and of schemas to a verb.
func (a *app) endFlags(c *cobra.Command) {
	a.ends.Register(c.Flags())
	f := c.Flags()
	f.StringVar(&a.ends.Image, "image", "", "schema from a descriptor image `FILE` (buf build -o)")
	f.StringArrayVar(&a.ends.Protos, "proto", nil, "schema from a .proto `FILE`; may be repeated")
	f.StringArrayVarP(&a.ends.Imports, "import", "I", nil, "`FOLDER` in which .proto files and their imports are; may be repeated")
	f.BoolVar(&a.raw, "raw", false, "no schema: messages are bytes")
}
