package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/yamlfile"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// proxyFlags are the flags of proxy.
type proxyFlags struct {
	proxyConfig
	config  string
	capture bool
	stats   time.Duration
}

// A proxyConfig is one proxy of the file.
type proxyConfig struct {
	Name    string    `yaml:"name"`
	Pattern string    `yaml:"pattern"`
	Front   proxySide `yaml:"front"`
	Back    proxySide `yaml:"back"`
	MaxSize int       `yaml:"max-message-size"`
}

// A proxySide is the front or the back of a proxy. Missing credentials come from
// the command line.
type proxySide struct {
	Bind             []string `yaml:"bind"`
	Connect          []string `yaml:"connect"`
	endpoint.Context `yaml:",inline"`
}

// patternWords are the patterns, as the line and the file have them.
var patternWords = []string{"req-rep", "pub-sub", "push-pull"}

// proxyCommand returns the verb proxy.
func proxyCommand(a *app) *cobra.Command {
	var f proxyFlags
	c := &cobra.Command{
		Use:   "proxy PATTERN",
		Short: "Run a broker: a proxy between the two sides of a pattern",
		Long: `proxy passes messages on between a front and a back, until Ctrl-C, so that programs
need to know its address only. PATTERN is req-rep (clients in front, servers
behind), pub-sub (publishers in front, subscribers behind) or push-pull
(ventilators in front, workers behind; also workers in front, sinks behind). Tasks
with DELIVERY_AT_LEAST_ONCE need no proxy: their ventilator is one.

Each side binds, connects or does both. The credentials of the command line count
for both sides. --config runs the proxies of a YAML file instead:

  proxies:
    - name: weather
      pattern: pub-sub
      front: {bind: ["tcp://*:5556"]}
      back:
        bind: ["tcp://*:5557"]
        curve-key: proxy.key     # secret
        curve-allow: clients.d   # folder of public keys, or any
      max-message-size: 1048576

--capture prints each message that passes as a line of JSON. At the end, and with
--stats every so often, it says what has passed.`,
		Example: `  gozmq proxy pub-sub --front tcp://*:5556 --back tcp://*:5557
  gozmq proxy req-rep --front tcp://*:5555 --back-connect tcp://10.0.0.7:5555,tcp://10.0.0.8:5555
  gozmq proxy --config broker.yaml --stats 10s`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: patternWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.proxy(cmd.Context(), f, args)
		},
	}
	fs := c.Flags()
	fs.StringSliceVar(&f.Front.Bind, "front", nil, "`ENDPOINTS` to bind in front")
	fs.StringSliceVar(&f.Back.Bind, "back", nil, "`ENDPOINTS` to bind behind")
	fs.StringSliceVar(&f.Front.Connect, "front-connect", nil, "`ENDPOINTS` to connect to in front")
	fs.StringSliceVar(&f.Back.Connect, "back-connect", nil, "`ENDPOINTS` to connect to behind")
	fs.StringVar(&f.config, "config", "", "run the proxies of a YAML `FILE`")
	fs.IntVar(&f.MaxSize, "max-message-size", 0, "largest message that passes, in `BYTES`; 0: 4 MiB")
	fs.BoolVar(&f.capture, "capture", false, "print each message")
	fs.DurationVar(&f.stats, "stats", 0, "say every so often what has passed")
	endpoint.RegisterCredentials(fs, &a.ends.Context)
	return c
}

// configs returns the proxies that the line, or its file, asks for.
func (f proxyFlags) configs(args []string) ([]proxyConfig, error) {
	one := f.proxyConfig
	given := len(args) > 0 || len(one.Front.Bind)+len(one.Front.Connect)+len(one.Back.Bind)+len(one.Back.Connect) > 0
	if f.config == "" {
		if len(args) == 0 {
			return nil, wrongf("no pattern; write req-rep, pub-sub or push-pull, or --config FILE")
		}
		one.Pattern, one.Name = args[0], args[0]
		return []proxyConfig{one}, one.check()
	}
	if given {
		return nil, wrongf("--config has the patterns and endpoints; leave the others out")
	}
	var file struct {
		Proxies []proxyConfig `yaml:"proxies"`
	}
	if err := yamlfile.Read(f.config, &file); err != nil {
		return nil, wrongf("%w; see gozmq proxy --help", err)
	}
	if len(file.Proxies) == 0 {
		return nil, wrongf("%s has no proxies; see gozmq proxy --help", f.config)
	}
	for i := range file.Proxies {
		p := &file.Proxies[i]
		if p.Name == "" {
			p.Name = fmt.Sprint(p.Pattern, " ", i+1)
		}
		if err := p.check(); err != nil {
			return nil, wrongf("%s: %s: %w", f.config, p.Name, err)
		}
	}
	return file.Proxies, nil
}

func (c proxyConfig) check() error {
	if _, err := c.pattern(); err != nil {
		return err
	}
	for _, side := range []struct {
		name string
		proxySide
	}{{"front", c.Front}, {"back", c.Back}} {
		if len(side.Bind)+len(side.Connect) == 0 {
			return wrongf("the %s has no endpoint; bind one with --%s, or connect with --%s-connect", side.name, side.name, side.name)
		}
	}
	return nil
}

func (c proxyConfig) pattern() (gozmq.Pattern, error) {
	switch strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(c.Pattern, "/", "-"), "_", "-")) {
	case "req-rep":
		return gozmq.PatternReqRep, nil
	case "pub-sub":
		return gozmq.PatternPubSub, nil
	case "push-pull":
		return gozmq.PatternPushPull, nil
	}
	return 0, wrongf("there is no pattern %q; write req-rep, pub-sub or push-pull", c.Pattern)
}

// proxy runs the proxies until ctx ends.
func (a *app) proxy(ctx context.Context, f proxyFlags, args []string) error {
	configs, err := f.configs(args)
	if err != nil {
		return err
	}
	base, _, err := a.ends.Resolve(a.env, nil)
	if err != nil {
		return wrong(err)
	}
	var running []*proxying
	stop := func() (err error) {
		for _, p := range running {
			err = errors.Join(err, p.proxy.Close())
			a.say("%s: %s", p.name, p.summary())
		}
		return err
	}
	for _, c := range configs {
		p, err := a.openProxy(c, base, f.capture)
		if err != nil {
			return errors.Join(wrongf("%s: %w", c.Name, err), stop())
		}
		running = append(running, p)
		a.say("%s: front %s, back %s", p.name, strings.Join(p.ends(p.proxy.FrontAddrs(), c.Front), ", "), strings.Join(p.ends(p.proxy.BackAddrs(), c.Back), ", "))
	}
	var tick <-chan time.Time
	if f.stats > 0 {
		t := time.NewTicker(f.stats)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return stop()
		case <-tick:
			for _, p := range running {
				a.say("%s: %s", p.name, p.summary())
			}
		}
	}
}

// A proxying is a proxy that runs.
type proxying struct {
	*app
	name    string
	pattern gozmq.Pattern
	proxy   *gozmq.Proxy
	mu      sync.Mutex // for the output
}

func (*proxying) ends(bound []string, side proxySide) []string {
	return append(bound, side.Connect...)
}

func (a *app) openProxy(c proxyConfig, base *endpoint.Target, capture bool) (*proxying, error) {
	p := &proxying{app: a, name: c.Name}
	var err error
	if p.pattern, err = c.pattern(); err != nil {
		return nil, err
	}
	front, err := c.Front.open(base)
	if err != nil {
		return nil, err
	}
	back, err := c.Back.open(base)
	if err != nil {
		return nil, err
	}
	opts := []gozmq.ProxyOption{gozmq.Front(front...), gozmq.Back(back...), gozmq.WithEventHandler(p.event)}
	if c.MaxSize > 0 {
		opts = append(opts, gozmq.WithMaxMessageSize(c.MaxSize))
	}
	if capture {
		opts = append(opts, gozmq.WithCaptureHandler(p.captured))
	}
	p.proxy, err = gozmq.NewProxy(p.pattern, opts...)
	return p, err
}

// open returns the endpoints of a side with their security.
func (s proxySide) open(base *endpoint.Target) (list []gozmq.Endpoints, err error) {
	for _, part := range []struct {
		bind bool
		at   []string
	}{{true, s.Bind}, {false, s.Connect}} {
		if len(part.at) == 0 {
			continue
		}
		t := base.At(part.at...)
		t.Bind = part.bind
		if own := s.Context; own.CurveKey != "" || own.CurveServer != "" || own.PlainUser != "" {
			t.CurveKey, t.CurveServer, t.CurveAllow = own.CurveKey, own.CurveServer, own.CurveAllow
			t.PlainUser, t.PlainPasswordFile = own.PlainUser, own.PlainPasswordFile
		}
		security, err := t.Security()
		if err != nil {
			return nil, err
		}
		ends := t.Ends()
		if security != nil {
			ends = ends.Secured(*security)
		}
		list = append(list, ends)
	}
	return list, nil
}

// event reports why peers cannot connect.
func (p *proxying) event(e gozmq.Event) {
	switch e.Kind {
	case gozmq.EventHandshakeFailed, gozmq.EventAuthFailed, gozmq.EventMalformed, gozmq.EventAcceptFailed:
		p.say("%s: %v", p.name, e)
	}
}

// summary reports the number of messages passed on.
func (p *proxying) summary() string {
	s := p.proxy.Stats()
	parts := []string{fmt.Sprintf("%d to the back", s.ToBack)}
	if p.pattern == gozmq.PatternReqRep {
		parts = append(parts, fmt.Sprintf("%d to the front", s.ToFront))
	}
	if s.Dropped > 0 {
		parts = append(parts, fmt.Sprintf("%d dropped", s.Dropped))
	}
	if s.Unroutable > 0 {
		parts = append(parts, fmt.Sprintf("%d without a receiver", s.Unroutable))
	}
	parts = append(parts, fmt.Sprintf("%d peers in front, %d behind", len(p.proxy.FrontStats().Peers), len(p.proxy.BackStats().Peers)))
	return strings.Join(parts, ", ")
}

// A capturedJSON is a message that passes a proxy.
type capturedJSON struct {
	Time    time.Time `json:"time"`
	Proxy   string    `json:"proxy"`
	ToFront bool      `json:"toFront,omitempty"`
	Frames  []any     `json:"frames"` // text, or {"base64": "…"}
}

// captured prints a message that passes.
func (p *proxying) captured(m gozmq.ProxyMessage) {
	o := capturedJSON{Time: time.Now(), Proxy: p.name, ToFront: m.ToFront}
	for _, f := range m.Frames {
		o.Frames = append(o.Frames, message.Plain(string(f)))
	}
	b, err := json.Marshal(o)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.out.Write(append(b, '\n'))
}
