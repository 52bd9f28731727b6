package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/recording"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// recordFlags are the flags of record.
type recordFlags struct {
	file     string
	tasks    bool
	ack      bool
	filters  []string
	bare     bool
	delivery string
	count    int
	timeout  time.Duration
	rates    time.Duration
}

// recordCommand returns the verb record.
func recordCommand(a *app) *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "record [ENDPOINT]... [TOPIC | TASK]...",
		Short: "Write publications or tasks to a file, for gozmq replay",
		Long: `record writes each publication to --file, with its time, topic, metadata and
sequence, until Ctrl-C. TOPIC is as that of gozmq sub. Without a schema it records
all topics, and with --raw those that begin with TOPIC.

With --tasks it takes tasks as a worker does. Tasks with DELIVERY_AT_LEAST_ONCE are
given back at the end, unless --ack says that they are done; others are gone from
the pipeline once they were recorded.

The file has a line of JSON for each message, so that jq and every program can read
and write it; the body is the encoded message in base64:

  {"gozmq":"recording","version":1,"began":"2026-01-02T03:04:05Z"}
  {"time":"2026-01-02T03:04:05Z","kind":"publication","topic":"a","body":"CgNhbXM="}`,
		Example: `  gozmq record tcp://127.0.0.1:5556 --file feed.ndjson
  gozmq record tcp://127.0.0.1:5556 --raw weather/ --file - --timeout 1m | gzip > feed.ndjson.gz
  gozmq record --tasks --bind tcp://127.0.0.1:5557 --image image.binpb Thumbnails/Render --file tasks.ndjson`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.record(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	fs := c.Flags()
	fs.StringVar(&f.file, "file", "", "`FILE` to write; - is stdout")
	fs.BoolVar(&f.tasks, "tasks", false, "record tasks, not publications")
	fs.BoolVar(&f.ack, "ack", false, "with --tasks: they are done")
	fs.StringArrayVarP(&f.filters, "filter", "f", nil, "only topics with `FIELD=VALUE`; may be repeated")
	fs.BoolVar(&f.bare, "bare", false, "with --raw: messages are one frame")
	chooseDelivery(c, &f.delivery, "with --raw --tasks: the `GUARANTEE`, ")
	fs.IntVarP(&f.count, "count", "n", 0, "end after this many messages")
	fs.DurationVar(&f.timeout, "timeout", 0, "end after this time")
	fs.DurationVar(&f.rates, "rates", 0, "say every so often how many messages come")
	_ = c.RegisterFlagCompletionFunc("filter", a.completeFields)
	return c
}

// record writes received messages to a file.
func (a *app) record(ctx context.Context, f recordFlags, args []string) (err error) {
	if f.file == "" {
		return wrongf("no file; write --file FILE, or --file - for stdout")
	}
	out := a.out
	if f.file != "-" {
		file, err := os.Create(f.file)
		if err != nil {
			return wrong(err)
		}
		buffered := bufio.NewWriter(file)
		defer func() { err = errors.Join(err, buffered.Flush(), file.Close()) }()
		out = buffered
	}
	to := *a // the output goes to the file
	to.out = out
	if f.tasks {
		return to.recordTasks(ctx, f, args)
	}
	if to.blind(args) {
		to.raw = true // all topics can be recorded without a schema
	}
	return to.sub(ctx, subFlags{
		filters: f.filters, format: message.JSON, output: outputRecord, bare: f.bare,
		count: f.count, timeout: f.timeout, rates: f.rates,
	}, args)
}

// blind reports whether no schema is named.
func (a *app) blind(args []string) bool {
	t, _, err := a.target(args)
	return err == nil && t.Admin == "" && t.Image == "" && len(t.Protos) == 0
}

func (a *app) recordTasks(ctx context.Context, f recordFlags, args []string) error {
	if len(f.filters) > 0 {
		return wrongf("tasks have no topic to filter by")
	}
	return a.pull(ctx, pullFlags{
		as: "worker", ack: f.ack, format: message.JSON, output: outputRecord, bare: f.bare, delivery: f.delivery,
		count: f.count, timeout: f.timeout,
	}, args)
}

// outputRecord is the --output of sub and pull that record uses.
const outputRecord = "record"

// recordOf returns a publication as a record.
func recordOf(m *schema.Method, body []byte, info *gozmq.PublicationInfo) *recording.Record {
	r := &recording.Record{
		Time: time.Now().UTC(), Kind: recording.KindPublication, Body: body, Sequence: info.Sequence,
		Replayed: info.Replayed, Metadata: message.Metadata(info.Metadata),
	}
	r.SetTopic(info.Topic)
	if m != nil {
		r.Bare = m.Bare
		if m.Input != nil {
			r.Method = m.Procedure
		}
	}
	if info.Publisher != 0 {
		r.Publisher = fmt.Sprintf("%016x", info.Publisher)
	}
	if !info.Time.IsZero() {
		t := info.Time.UTC()
		r.Published = &t
	}
	return r
}

// recordOfTask returns a task as a record.
func recordOfTask(m *schema.Method, body []byte, info *gozmq.TaskInfo) *recording.Record {
	r := &recording.Record{
		Time: time.Now().UTC(), Kind: recording.KindTask, Method: m.Procedure, Bare: m.Bare, Body: body,
		AtLeastOnce: m.Delivery == gozmq.DeliveryAtLeastOnce,
	}
	if m.Bare && m.Input == nil {
		r.Method = ""
	}
	if info != nil {
		r.ID, r.Attempt, r.Metadata = fmt.Sprintf("%x", info.ID), info.Attempt, message.Metadata(info.Metadata)
	}
	return r
}
