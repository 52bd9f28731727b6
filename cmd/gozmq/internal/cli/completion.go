package cli

import (
	"github.com/spf13/cobra"
)

// completionCommand returns the verb completion.
func completionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash | zsh | fish",
		Short: "Print the script with which a shell completes the command line",
		Long: `completion prints a script for a shell. It completes verbs and flags, and also the
services, methods and topics of the system whose endpoint stands in the line: it
asks that system, for up to 1.5 s.

  bash   source <(gozmq completion bash)       # in ~/.bashrc; needs bash-completion
  zsh    gozmq completion zsh > "${fpath[1]}/_gozmq"
  fish   gozmq completion fish > ~/.config/fish/completions/gozmq.fish`,
		Example:   `  source <(gozmq completion bash)`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			default:
				return root.GenBashCompletionV2(a.out, true)
			}
		},
	}
}
