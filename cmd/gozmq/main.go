// Command gozmq looks at a running system and talks to it: it lists, describes
// and calls services, publishes and subscribes, pushes and pulls tasks. Run
// "gozmq help" for all of it.
package main

import (
	"os"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
