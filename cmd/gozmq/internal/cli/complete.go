package cli

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// completeTimeout is how long completion waits for the system in the line.
const completeTimeout = 1500 * time.Millisecond

// maxCompleted bounds how many ids and topics completion offers.
const maxCompleted = 100

// A completer is what cobra asks for the next argument.
type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completeServices completes the services of the endpoint in the line.
func (a *app) completeServices(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	return a.completeOne(cmd, args, toComplete, func(s *schema.Schema) (names []string) {
		for _, svc := range s.Services {
			names = append(names, svc.Name)
		}
		return names
	})
}

// completeMethods completes a method of the endpoint in the line that has one of
// the patterns.
func (a *app) completeMethods(patterns ...gozmq.Pattern) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		return a.completeOne(cmd, args, toComplete, methodNames(patterns))
	}
}

// completeTasks completes methods of tasks; a line may have several.
func (a *app) completeTasks(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, toComplete, methodNames([]gozmq.Pattern{gozmq.PatternPushPull}))
}

// completeTopics completes topics; a line may have several. It offers methods, the
// beginnings of their topics on the wire, and, without a schema, the topics that
// are being published.
func (a *app) completeTopics(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if tasks := cmd.Flags().Lookup("tasks"); tasks != nil && tasks.Changed {
		return a.completeTasks(cmd, args, toComplete)
	}
	if a.blind(args) || a.raw {
		ctx, cancel := completing(cmd)
		defer cancel()
		return a.published(ctx, endpoints(args), toComplete), cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, args, toComplete, topicNames)
}

// completeTopic completes the one topic of pub.
func (a *app) completeTopic(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	return a.completeOne(cmd, args, toComplete, topicNames)
}

func methodNames(patterns []gozmq.Pattern) func(*schema.Schema) []string {
	return func(s *schema.Schema) (names []string) {
		for _, m := range s.Methods {
			if slices.Contains(patterns, m.Pattern) {
				names = append(names, m.Procedure)
			}
		}
		return names
	}
}

// topicNames are the methods that are topics, and how their topics begin.
func topicNames(s *schema.Schema) []string {
	names := methodNames([]gozmq.Pattern{gozmq.PatternPubSub})(s)
	for _, m := range s.Methods {
		if m.Topic == nil {
			continue
		}
		if begin, _, _ := strings.Cut(m.Topic.Template, "{"); begin != "" && !slices.Contains(names, begin) {
			names = append(names, begin)
		}
	}
	return names
}

// completeFields completes "field=" of the topic in the line, for a flag.
func (a *app) completeFields(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	ends := endpoints(args)
	named := args[len(ends):]
	fields, _ := a.complete(cmd, args, toComplete, func(s *schema.Schema) (fields []string) {
		for _, m := range s.Methods {
			if m.Topic == nil || len(named) > 0 && !slices.ContainsFunc(named, func(name string) bool { return m.HasName(name) }) {
				continue
			}
			for _, f := range m.Topic.Fields {
				fields = append(fields, f.Path+"=")
			}
		}
		return fields
	})
	slices.Sort(fields)
	return slices.Compact(fields), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeIDs completes the ids of the tasks that wait at the endpoint in the line.
func (a *app) completeIDs(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := completing(cmd)
	defer cancel()
	d, _, err := a.admin(endpoints(args))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer d.conn.Close()
	var ids []string
	_, _ = tasksOf(ctx, d, &adminv1.TaskFilter{}, false, 10*maxCompleted, func(t *adminv1.QueuedTask) error {
		id := hex.EncodeToString(t.GetId())
		if strings.HasPrefix(id, toComplete) && !slices.Contains(args, id) && len(ids) < maxCompleted {
			ids = append(ids, cobra.CompletionWithDesc(id, line(t.GetProcedure()+", "+stateWord(t.GetState()))))
		}
		return nil
	})
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeContexts completes the names of contexts.
func (a *app) completeContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	all, err := endpoint.Load(a.env)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return all.Names(), cobra.ShellCompDirectiveNoFileComp
}

// completeContext completes the one argument of a verb for contexts.
func (a *app) completeContext(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeContexts(cmd, args, toComplete)
}

func endpoints(args []string) (list []string) {
	for _, arg := range args {
		if endpoint.IsEndpoint(arg) {
			list = append(list, arg)
		}
	}
	return list
}

// completing returns the context of a completion.
func completing(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, completeTimeout)
}

// completeOne is complete for subcommands with one name. After the name comes a
// message, which may be a file.
func (a *app) completeOne(cmd *cobra.Command, args []string, toComplete string, names func(*schema.Schema) []string) ([]string, cobra.ShellCompDirective) {
	if len(args) > len(endpoints(args)) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.complete(cmd, args, toComplete, names)
}

// complete asks the system in the line, or the files that its flags name, for
// names that begin with toComplete.
func (a *app) complete(cmd *cobra.Command, args []string, toComplete string, names func(*schema.Schema) []string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := completing(cmd)
	defer cancel()
	cmd.SetContext(ctx)
	a.ends.ConnectTimeout = completeTimeout
	s, _, err := a.known(cmd, endpoints(args))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list := beginning(names(s), toComplete)
	if len(list) == 1 && strings.HasSuffix(list[0], "/") { // a topic goes on
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// beginning returns the names that begin with a text; if none does, those which do
// without their package, or their service, where one alone has the shorter name.
func beginning(names []string, text string) (list []string) {
	short := map[string]int{}
	for _, name := range names {
		if strings.HasPrefix(name, text) {
			list = append(list, name)
		}
		for i := range name {
			if name[i] == '.' || name[i] == '/' {
				short[name[i+1:]]++
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	for name, n := range short {
		if n == 1 && name != "" && strings.HasPrefix(name, text) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// published returns the topics with that beginning which somebody publishes now.
func (a *app) published(ctx context.Context, args []string, begin string) (list []string) {
	t, _, err := a.target(args)
	if err != nil || t.Bind {
		return nil
	}
	sub, err := a.subscriber(t)
	if err != nil {
		return nil
	}
	defer sub.Close()
	sel, err := selectTopics(nil, []string{begin}, nil, false)
	if err != nil {
		return nil
	}
	s, err := sel.open(sub)
	if err != nil {
		return nil
	}
	defer s.Close()
	var info gozmq.PublicationInfo
	for _, err := range s.All(gozmq.StoreInfo(ctx, &info)) {
		if err == nil && !slices.Contains(list, info.Topic) {
			list = append(list, line(info.Topic))
		}
		if len(list) == maxCompleted {
			break
		}
	}
	slices.Sort(list)
	return list
}
