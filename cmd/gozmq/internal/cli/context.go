package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
)

// contextCommand returns the verb context.
func contextCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "context",
		Short: "Name systems: their endpoints, keys and schemas",
		Long: `A context is a name for a system: its endpoints, this side's credentials, and where
its schema is. --context NAME uses it in any verb, and so does the environment
variable GOZMQ_CONTEXT; context use makes one the default, which counts where the
line names no endpoint, or one of the context's.

Contexts are kept in $XDG_CONFIG_HOME/gozmq/contexts.yaml, or in ~/.config, for
their owner alone. They have the paths of files with keys and passwords, and no
secret.`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(contextAdd(a), contextList(a), contextShow(a), contextRemove(a), contextUse(a))
	return c
}

func contextAdd(a *app) *cobra.Command {
	var x endpoint.Context
	var replace bool
	c := &cobra.Command{
		Use:   "add NAME [ENDPOINT]...",
		Short: "Make a context",
		Long: `add makes a context. The paths of files become absolute. The first context becomes
the default.`,
		Example: `  gozmq context add dev tcp://127.0.0.1:5555
  gozmq context add prod dns://greeter.prod:5555 --curve-key me.key_secret --curve-server greeter.key
  gozmq context add feed tcp://feed:5556 --admin tcp://feed:5599 --image feed.binpb`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.addContext(x, args[0], args[1:], replace)
		},
	}
	f := c.Flags()
	endpoint.RegisterCredentials(f, &x)
	f.StringVar(&x.Admin, "admin", "", "`ENDPOINT` of the process's admin service")
	f.StringVar(&x.Image, "image", "", "schema from a descriptor image `FILE`")
	f.StringArrayVar(&x.Protos, "proto", nil, "schema from a .proto `FILE`; may be repeated")
	f.StringArrayVarP(&x.Imports, "import", "I", nil, "`FOLDER` of .proto files; may be repeated")
	f.BoolVar(&replace, "replace", false, "replace a context of that name")
	return c
}

func (a *app) addContext(x endpoint.Context, name string, ends []string, replace bool) error {
	if err := endpoint.CheckName(name); err != nil {
		return wrong(err)
	}
	for _, e := range ends {
		if !endpoint.IsEndpoint(e) {
			return wrongf("%q is no endpoint; write one as tcp://host:port", e)
		}
	}
	if len(ends) == 0 && x.Admin == "" {
		return wrongf("context %s has no endpoint; write one, as tcp://host:port", name)
	}
	x.Endpoints = ends
	if err := absolute(&x); err != nil {
		return err
	}
	all, err := endpoint.Load(a.env)
	if err != nil {
		return wrong(err)
	}
	if _, there := all.Contexts[name]; there && !replace {
		return wrongf("there is a context %s; pass --replace to replace it", name)
	}
	all.Contexts[name] = x
	if len(all.Contexts) == 1 {
		all.Current = name
	}
	return all.Save()
}

// absolute makes the paths of a context absolute.
func absolute(x *endpoint.Context) error {
	paths := []*string{&x.CurveKey, &x.PlainPasswordFile, &x.Image}
	if x.CurveAllow != "any" {
		paths = append(paths, &x.CurveAllow)
	}
	if x.CurveServer != "none" && !endpoint.IsKey(x.CurveServer) {
		paths = append(paths, &x.CurveServer)
	}
	for i := range x.Protos {
		paths = append(paths, &x.Protos[i])
	}
	for i := range x.Imports {
		paths = append(paths, &x.Imports[i])
	}
	for _, p := range paths {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

func contextList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the contexts; * marks the default",
		Example: `  gozmq context list`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := endpoint.Load(a.env)
			if err != nil {
				return wrong(err)
			}
			t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
			for _, name := range all.Names() {
				x, mark := all.Contexts[name], " "
				if name == all.Current {
					mark = "*"
				}
				fmt.Fprintf(t, "%s %s\t%s\t%s\n", mark, name, mechanism(x), (&endpoint.Target{Context: x}).String())
			}
			return t.Flush()
		},
	}
}

func mechanism(x endpoint.Context) string {
	switch {
	case x.CurveKey != "" || x.CurveServer != "":
		return "CURVE"
	case x.PlainUser != "":
		return "PLAIN"
	}
	return "NULL"
}

func contextShow(a *app) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:               "show [NAME]",
		Short:             "Print a context, the default one without a name",
		Example:           `  gozmq context show prod`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeContext,
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := endpoint.Load(a.env)
			if err != nil {
				return wrong(err)
			}
			name := all.Current
			if len(args) > 0 {
				name = args[0]
			}
			x, err := all.Get(name)
			if err != nil {
				return wrong(err)
			}
			if output == "json" {
				return json.NewEncoder(a.out).Encode(x)
			}
			b, err := yaml.Marshal(x) //nolint:gosec // it has the path of a password's file
			if err != nil {
				return err
			}
			_, err = a.out.Write(b)
			return err
		},
	}
	chooseOutput(c, &output)
	return c
}

func contextRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "remove NAME",
		Short:             "Remove a context",
		Example:           `  gozmq context remove dev`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeContext,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.changeContexts(args[0], func(all *endpoint.Contexts) {
				delete(all.Contexts, args[0])
				if all.Current == args[0] {
					all.Current = ""
				}
			})
		},
	}
}

func contextUse(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "use NAME",
		Short:             "Make a context the default",
		Example:           `  gozmq context use prod`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeContext,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.changeContexts(args[0], func(all *endpoint.Contexts) { all.Current = args[0] })
		},
	}
}

// changeContexts changes the contexts, one of which must have that name.
func (a *app) changeContexts(name string, change func(*endpoint.Contexts)) error {
	all, err := endpoint.Load(a.env)
	if err != nil {
		return wrong(err)
	}
	if _, err := all.Get(name); err != nil {
		return wrong(err)
	}
	change(all)
	return all.Save()
}
