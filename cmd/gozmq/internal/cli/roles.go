package cli

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// roleVerbs are the verbs that take part in a pattern, or look at those who do.
func roleVerbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		pubCommand(a),
		subCommand(a),
		pushCommand(a),
		pullCommand(a),
		proxyCommand(a),
		sniffCommand(a),
		doctorCommand(a),
		benchCommand(a),
		recordCommand(a),
		replayCommand(a),
		topCommand(a),
	}
}

// writeJSONLine writes v as JSON in one line.
func writeJSONLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
