package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
)

// A choice is the value of a flag that is one of some words (pflag.Value).
type choice[T ~string] struct {
	to    *T
	words []T
}

// choose adds a flag to c whose value is one of words, which completion offers.
// value is the default.
func choose[T ~string](c *cobra.Command, to *T, name, short string, value T, usage string, words ...T) {
	*to = value
	c.Flags().VarP(choice[T]{to, words}, name, short, usage)
	_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(texts(words), cobra.ShellCompDirectiveNoFileComp))
}

// chooseFormat adds the flag --format for messages.
func chooseFormat(c *cobra.Command, to *message.Format, usage string) {
	choose(c, to, "format", "", message.JSON, usage, message.Formats()...)
}

// chooseOutput adds the flag --output of what prints text or JSON.
func chooseOutput(c *cobra.Command, to *string) {
	choose(c, to, "output", "o", "text", "`FORMAT`: text or json", "text", "json")
}

// The guarantees of tasks, for --delivery.
const (
	atMostOnce  = "at-most-once"
	atLeastOnce = "at-least-once"
)

// chooseDelivery adds the flag --delivery.
func chooseDelivery(c *cobra.Command, to *string, usage string) {
	choose(c, to, "delivery", "", atMostOnce, usage+atMostOnce+" or "+atLeastOnce, atMostOnce, atLeastOnce)
}

// chooseSides adds the flag --stream.
func chooseSides(c *cobra.Command, to *string) {
	choose(c, to, "stream", "", "", "with --raw: the `SIDES` that stream: client, server or both", "client", "server", "both")
}

// String returns the word.
func (v choice[T]) String() string { return string(*v.to) }

// Type returns the type that the help shows.
func (choice[T]) Type() string { return "string" }

// Set takes a word.
func (v choice[T]) Set(word string) error {
	if !slices.Contains(v.words, T(word)) {
		return fmt.Errorf("write %s", strings.Join(texts(v.words), " or "))
	}
	*v.to = T(word)
	return nil
}

func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return list
}
