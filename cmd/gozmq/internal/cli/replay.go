package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/recording"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	speed float64
	loop  int
	only  string
	wait  int
}

// replayCommand returns the verb replay.
func replayCommand(a *app) *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay [ENDPOINT]... FILE",
		Short: "Send the publications or tasks of a file again",
		Long: `replay publishes the publications of a file that gozmq record has written, or
hands out its tasks, with the pauses that they had. --speed 2 halves the pauses, and
--speed 0 leaves them out. FILE "-" is stdin.

It needs no schema. It connects to subscribers, workers or a proxy, or with --bind
lets them connect, and waits for one as long as --connect-timeout. Publications of
sequenced topics are numbered again. A file that has both kinds needs --only.`,
		Example: `  gozmq replay --bind tcp://127.0.0.1:5556 feed.ndjson
  gozmq replay tcp://127.0.0.1:5556 feed.ndjson --speed 10 --loop 0
  jq -c 'select(.topic == "weather/ams/temperature")' feed.ndjson | gozmq replay --bind tcp://*:5556 -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.replay(cmd.Context(), f, args)
		},
	}
	a.ends.Register(c.Flags())
	fs := c.Flags()
	fs.Float64Var(&f.speed, "speed", 1, "how many times as fast as it was recorded; 0: without pauses")
	fs.IntVar(&f.loop, "loop", 1, "how often; 0: until Ctrl-C")
	choose(c, &f.only, "only", "", "", "the `KIND` of messages: publication or task; default: that of the first", recording.KindPublication, recording.KindTask)
	fs.IntVar(&f.wait, "wait", 1, "wait for this many subscribers or workers first; 0: do not wait")
	return c
}

// replay sends the records of a file.
func (a *app) replay(ctx context.Context, f replayFlags, args []string) error {
	t, rest, err := a.target(args)
	switch {
	case err != nil:
		return err
	case len(rest) != 1:
		return wrongf("write one file, that gozmq record has written, behind the endpoints")
	case f.speed < 0 || f.loop < 0 || f.wait < 0:
		return wrongf("--speed, --loop and --wait are numbers from 0")
	case rest[0] == "-" && f.loop != 1:
		return wrongf("stdin can be replayed once; --loop needs a file")
	}
	x := &replaying{app: a, ctx: ctx, flags: f, target: t, topics: make(map[string]*dynamicTopic)}
	for n := 0; n < f.loop || f.loop == 0; n++ {
		if err = x.once(rest[0]); err != nil {
			break
		}
		if x.sent == 0 {
			err = wrongf("%s has nothing to replay", rest[0])
			break
		}
	}
	return x.end(err)
}

// A replaying is one run of replay.
type replaying struct {
	*app
	ctx    context.Context
	flags  replayFlags
	target *endpoint.Target
	kind   string
	pub    *gozmq.Publisher
	vent   *gozmq.Ventilator
	topics map[string]*dynamicTopic // up to maxKnownTopics
	sent   int
	opened time.Time // when the first record could be sent, or the wait for that ended
	first  time.Time // when the file's first record was recorded
	began  time.Time // when it was replayed
}

// once sends the file once.
func (x *replaying) once(name string) error {
	in := io.NopCloser(x.in)
	if name == "-" {
		name = "stdin"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return wrong(err)
		}
		in = file
	}
	defer in.Close()
	reader := recording.NewReader(name, in)
	x.first = time.Time{}
	for {
		r, err := reader.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return wrong(err)
		}
		if x.kind == "" {
			x.kind = r.Kind
			if x.flags.only != "" {
				x.kind = x.flags.only
			}
		}
		if r.Kind != x.kind {
			if x.flags.only == "" {
				return wrongf("%s has publications and tasks; --only publication or --only task says which to send", name)
			}
			continue
		}
		if err := x.send(r); err != nil {
			return err
		}
	}
}

// send waits for the time of a record, and sends it.
func (x *replaying) send(r *recording.Record) error {
	send := x.publish
	if x.kind == recording.KindTask {
		send = x.push
	}
	if x.sent == 0 {
		err := x.open(r)
		x.opened = time.Now()
		if err != nil {
			return err
		}
	}
	if err := x.pause(r.Time); err != nil {
		return err
	}
	var pairs []string
	for key, values := range r.Metadata {
		for _, v := range values {
			pairs = append(pairs, key, v)
		}
	}
	if err := send(gozmq.AppendMetadata(x.ctx, pairs...), r); err != nil {
		return err
	}
	x.sent++
	return nil
}

// pause waits until a record is due.
func (x *replaying) pause(recorded time.Time) error {
	if x.first.IsZero() {
		x.first, x.began = recorded, time.Now()
	}
	if x.flags.speed == 0 || recorded.IsZero() {
		return x.ctx.Err()
	}
	due := x.began.Add(time.Duration(float64(recorded.Sub(x.first)) / x.flags.speed))
	wait := time.Until(due)
	if wait <= 0 {
		return x.ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-x.ctx.Done():
		return x.ctx.Err()
	}
}

// open opens the sending end, and waits for the receiving one.
func (x *replaying) open(r *recording.Record) error {
	waiting, cancel := x.target.Waiting(x.ctx)
	defer cancel()
	var err error
	if x.kind == recording.KindTask {
		err = x.openVentilator(waiting, r)
	} else {
		err = x.openPublisher(waiting, r)
	}
	if waiting.Err() != nil && x.ctx.Err() == nil && err != nil {
		err = gozmq.Errorf(gozmq.CodeUnavailable, "waited %v for a receiver; --connect-timeout waits longer, --wait 0 not at all", x.target.ConnectTimeout)
	}
	return x.target.Explain(err)
}

func (x *replaying) openPublisher(ctx context.Context, r *recording.Record) error {
	opts, err := endpoint.Options[gozmq.PublisherOption](x.target, raw.Codec(), gozmq.WithStopWhenRefused())
	if err != nil {
		return wrong(err)
	}
	if x.pub, err = gozmq.NewPublisher(opts...); err != nil {
		return wrong(err)
	}
	x.listening(x.pub.Addrs())
	if x.flags.wait == 0 {
		return nil
	}
	return x.pub.WaitForSubscribers(ctx, r.TopicText(), x.flags.wait)
}

func (x *replaying) openVentilator(ctx context.Context, r *recording.Record) error {
	delivery := gozmq.DeliveryAtMostOnce
	if r.AtLeastOnce {
		delivery = gozmq.DeliveryAtLeastOnce
	}
	opts, err := endpoint.Options[gozmq.VentilatorOption](x.target, raw.Codec(), gozmq.WithStopWhenRefused(), delivery)
	if err != nil {
		return wrong(err)
	}
	if x.vent, err = gozmq.NewVentilator(opts...); err != nil {
		return wrong(err)
	}
	x.listening(x.vent.Addrs())
	if x.flags.wait == 0 {
		return nil
	}
	return x.vent.WaitForWorkers(ctx, x.flags.wait)
}

func (x *replaying) listening(bound []string) {
	if x.target.Bind {
		x.say("listening on %s", bound[0])
	}
}

func (x *replaying) publish(ctx context.Context, r *recording.Record) error {
	return gozmqimpl.Publish(ctx, x.pub, x.topic(r), raw.New(r.Body))
}

// topic returns the topic of a record for the runtime.
func (x *replaying) topic(r *recording.Record) *dynamicTopic {
	if r.Bare {
		return gozmqimpl.NewBareTopic[raw.Message]("bare")
	}
	name := r.TopicText()
	t, ok := x.topics[name]
	if !ok {
		t = gozmqimpl.NewTopic[raw.Message](name, name)
		if r.Sequence > 0 {
			t = t.With(gozmqimpl.Sequenced)
		}
		if len(x.topics) >= maxKnownTopics {
			clear(x.topics)
		}
		x.topics[name] = t
	}
	return t
}

func (x *replaying) push(ctx context.Context, r *recording.Record) error {
	m := &gozmq.Method{Procedure: r.Method, Bare: r.Bare}
	if r.AtLeastOnce {
		m.Delivery = gozmq.DeliveryAtLeastOnce
	}
	if r.Bare && r.Method == "" {
		m.Procedure = "bare"
	}
	return gozmqimpl.Push(ctx, x.vent, m, raw.New(r.Body))
}

// end closes the end that has sent, and says how much it was.
func (x *replaying) end(err error) error {
	err = x.ended(err)
	if err == nil && x.vent != nil {
		err = x.ended(x.vent.Wait(x.ctx))
	}
	switch {
	case x.vent != nil && err == nil:
		err = x.vent.Close()
	case x.vent != nil:
		closeSoon(x.vent.Close)
	case x.pub != nil:
		err = errors.Join(err, x.pub.Close())
	}
	if x.sent > 0 || err == nil && !x.opened.IsZero() {
		x.say("%s replayed in %s", plural(x.sent, x.kind), roughly(time.Since(x.opened)))
	}
	return err
}

// ended returns err, which is none when Ctrl-C has ended what goes on until then.
func (x *replaying) ended(err error) error {
	return endless(x.ctx, x.flags.loop, err)
}
