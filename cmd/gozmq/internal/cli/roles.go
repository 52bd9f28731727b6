package cli

import "github.com/spf13/cobra"

// roleVerbs are the verbs that take part in a pattern, or look at those who do.
func roleVerbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		pubCommand(a),
		subCommand(a),
		pushCommand(a),
		pullCommand(a),
	}
}
