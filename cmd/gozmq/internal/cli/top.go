package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
)

// maxTopPeers is how many peers of each role top shows.
const maxTopPeers = 100

// topCommand returns the verb top.
func topCommand(a *app) *cobra.Command {
	interval, once := time.Second, false
	c := &cobra.Command{
		Use:   "top [ENDPOINT]",
		Short: "Watch the roles, methods, topics, queues and peers of a process",
		Long: `top shows what a process does, live: rates of its roles, calls and tasks of its
methods, its topics, how full its queues are, and its peers. It talks to the admin
service of the process (gozmqadmin), whose endpoint stands in the line, or is that
of --admin or of a named context.

Keys: tab and 1 to 5 change the view, space holds it, up and down scroll, q ends.
--once prints all views once, for a file or a pipe.`,
		Example: `  gozmq top tcp://127.0.0.1:5500
  gozmq top --context prod --interval 5s
  gozmq top tcp://127.0.0.1:5500 --once`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.top(cmd.Context(), interval, once, args)
		},
	}
	a.adminFlags(c)
	c.Flags().DurationVar(&interval, "interval", time.Second, "how often to refresh the numbers; at least 100ms")
	c.Flags().BoolVar(&once, "once", false, "print all views once")
	return c
}

// top shows the counters of a process until it is ended.
func (a *app) top(ctx context.Context, interval time.Duration, once bool, args []string) error {
	d, _, err := a.admin(args)
	if err != nil {
		return err
	}
	defer d.conn.Close()
	if once {
		stats, err := d.GetStats(ctx, &adminv1.GetStatsRequest{MaxPeers: maxTopPeers})
		if err != nil {
			return d.explain(ctx, err)
		}
		for _, v := range topViews {
			fmt.Fprintf(a.out, "%s\n%s\n", v.name, v.table(stats, nil))
		}
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := tea.NewProgram(&topModel{title: d.target.String()}, tea.WithContext(ctx), tea.WithInput(a.in), tea.WithOutput(a.out), tea.WithoutSignalHandler(), tea.WithEnvironment(os.Environ()))
	failed := make(chan error, 1)
	go func() {
		var last error
		req := &adminv1.WatchStatsRequest{MaxPeers: maxTopPeers, Interval: durationpb.New(interval)}
		for stats, err := range d.WatchStats(ctx, req) {
			if err != nil {
				last = err
				break
			}
			p.Send(stats)
		}
		failed <- last
		p.Quit()
	}()
	_, err = p.Run()
	cancel()
	watch := <-failed
	switch {
	case watch != nil && !errors.Is(watch, context.Canceled):
		return d.explain(ctx, watch)
	case errors.Is(err, tea.ErrProgramKilled), errors.Is(err, tea.ErrInterrupted):
		return nil // Ctrl-C
	}
	return err
}

// A topModel is what top shows (tea.Model).
type topModel struct {
	title     string
	view      int
	held      bool
	scroll    int
	height    int
	now, last *adminv1.GetStatsResponse
}

// Init starts nothing: the numbers come from outside.
func (*topModel) Init() tea.Cmd { return nil }

// Update takes a key, new numbers or a new size.
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case *adminv1.GetStatsResponse:
		if !m.held {
			m.last, m.now = m.now, msg
		}
	case tea.WindowSizeMsg:
		m.height = msg.Height
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	}
	return m, nil
}

func (m *topModel) key(key string) tea.Cmd {
	switch key {
	case "q", "ctrl+c", "esc":
		return tea.Quit
	case "tab":
		m.view, m.scroll = (m.view+1)%len(topViews), 0
	case "shift+tab":
		m.view, m.scroll = (m.view+len(topViews)-1)%len(topViews), 0
	case "1", "2", "3", "4", "5":
		m.view, m.scroll = int(key[0]-'1'), 0
	case "space":
		m.held = !m.held
	case "down", "j":
		m.scroll++
	case "up", "k":
		m.scroll = max(m.scroll-1, 0)
	}
	return nil
}

// View draws the screen.
func (m *topModel) View() tea.View {
	v := tea.NewView(m.draw())
	v.AltScreen = true
	return v
}
