package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// completeTimeout is how long completion waits for the system in the line.
const completeTimeout = 1500 * time.Millisecond

// A completer is what cobra asks for the next argument.
type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completeServices completes the services of the endpoint in the line.
func (a *app) completeServices(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, toComplete, func(s *schema.Schema) (names []string) {
		for _, svc := range s.Services {
			names = append(names, svc.Name)
		}
		return names
	})
}

// completeMethods completes the methods of the endpoint in the line that have
// one of the patterns.
func (a *app) completeMethods(patterns ...gozmq.Pattern) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		return a.complete(cmd, args, toComplete, func(s *schema.Schema) (names []string) {
			for _, m := range s.Methods {
				if slices.Contains(patterns, m.Pattern) {
					names = append(names, m.Procedure)
				}
			}
			return names
		})
	}
}

// completeFields completes "field=" of the topic in the line, for a flag.
func (a *app) completeFields(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	names, _ := a.complete(cmd, nil, toComplete, func(s *schema.Schema) (names []string) {
		for _, m := range s.Methods {
			if m.Topic == nil || len(args) > 0 && !slices.Contains(args, m.Procedure) && len(args) > len(endpoints(args)) {
				continue
			}
			for _, f := range m.Topic.Fields {
				names = append(names, f.Path+"=")
			}
		}
		return names
	}, endpoints(args)...)
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func endpoints(args []string) (list []string) {
	for _, arg := range args {
		if endpoint.IsEndpoint(arg) {
			list = append(list, arg)
		}
	}
	return list
}

// complete asks the system in the line, or the files that its flags name, for
// names that begin with toComplete. Behind a name there is a message, which may
// be a file's.
func (a *app) complete(cmd *cobra.Command, args []string, toComplete string, names func(*schema.Schema) []string, ends ...string) ([]string, cobra.ShellCompDirective) {
	if len(args) > len(endpoints(args)) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	cmd.SetContext(ctx)
	a.ends.ConnectTimeout = completeTimeout
	s, _, err := a.known(cmd, append(endpoints(args), ends...))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []string
	for _, name := range names(s) {
		if strings.HasPrefix(name, toComplete) {
			list = append(list, name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
