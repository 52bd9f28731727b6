// Command bench measures gozmq against what a Go user would pick instead, all
// in one run: see docs/BENCHMARKS.md.
//
//	go -C bench run . [-quick] [-json] [-case REGEXP] [-rival REGEXP] [-rounds N]
//	go -C bench run . -plots [-plots-for 7m] [-quick] [-case REGEXP]
//	go -C bench run . -plots-from ../docs/plots/data.json
//
// It ends with an error when a library that is there gave no figure. Targets
// that are missed are printed, and are no error.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime/pprof"
	"time"

	"github.com/gozmq/gozmq/bench/internal/cases"
	"github.com/gozmq/gozmq/bench/internal/child"
	"github.com/gozmq/gozmq/bench/internal/report"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

func main() {
	err := run(os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 && args[0] == child.Flag {
		return child.Main(args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gozmq-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if !o.within {
		if done, err := withLibzmq(dir, args); done {
			return err
		}
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if o.plots || o.plotsFrom != "" {
		return o.draw(dir)
	}
	return o.measure(dir)
}

// options are the flags.
type options struct {
	quick, json  bool
	within       bool // this process measures
	cases, rival *regexp.Regexp
	rounds       int
	round        time.Duration
	profile      string

	plots              bool
	plotsFrom, plotsTo string
	plotsFor           time.Duration
}

func parse(args []string) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&o.quick, "quick", false, "see whether everything works; the figures mean nothing")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.IntVar(&o.rounds, "rounds", 0, "rounds of each case (default 5, with -quick 2)")
	f.DurationVar(&o.round, "round", 0, "length of a round of one library (default 1s, with -quick 50ms)")
	f.BoolVar(&o.within, "within", false, "measure with this very program and in its process, not each case in one of its own")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the whole run, which is then one process, to this file")
	f.BoolVar(&o.plots, "plots", false, "measure cost as it grows, and draw it, in place of the cases")
	f.StringVar(&o.plotsFrom, "plots-from", "", "draw the plots of this data.json again, without measuring")
	f.StringVar(&o.plotsTo, "plots-to", "../docs/plots", "where plots and their data go")
	f.DurationVar(&o.plotsFor, "plots-for", 7*time.Minute, "how long to measure for the plots: as many rounds as fit in, up to -rounds; a point for which no time is left is missing")
	caseExpr := f.String("case", "", "only the cases whose name matches")
	rivalExpr := f.String("rival", "", "only the libraries whose name matches, and gozmq")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	var err error
	if o.cases, err = regexp.Compile(*caseExpr); err != nil {
		return nil, fmt.Errorf("-case: %w", err)
	}
	if o.rival, err = regexp.Compile(*rivalExpr); err != nil {
		return nil, fmt.Errorf("-rival: %w", err)
	}
	return o, nil
}

func (o *options) config(dir string) (*cases.Config, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cfg := &cases.Config{
		Rounds: 5, Round: time.Second, WarmUp: 200 * time.Millisecond,
		Quick: o.quick, Dir: dir, Self: self,
		Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
	if o.quick {
		cfg.Rounds, cfg.Round, cfg.WarmUp = 2, 50*time.Millisecond, 20*time.Millisecond
	}
	if o.rounds > 0 {
		cfg.Rounds = o.rounds
	}
	if o.round > 0 {
		cfg.Round = o.round
	}
	cfg.Wanted = o.rival.MatchString
	for _, r := range rival.All(dir) {
		if r.Name == rival.Ours || o.rival.MatchString(r.Name) {
			cfg.Rivals = append(cfg.Rivals, r)
		}
	}
	return cfg, nil
}

// measure runs the cases and prints what they gave.
func (o *options) measure(dir string) error {
	cfg, err := o.config(dir)
	if err != nil {
		return err
	}
	machine := report.ThisMachine()
	if !o.json {
		fmt.Printf("%s\n%d rounds of %v each, libraries in turn; medians.\n", machine, cfg.Rounds, cfg.Round)
	}
	var results []*cases.Result
	for _, c := range cases.All() {
		if !o.cases.MatchString(c.Name) {
			continue
		}
		r := o.do(cfg, c)
		results = append(results, r)
		if !o.json {
			report.Case(os.Stdout, r)
		}
	}
	if len(results) == 0 {
		return errors.New("no case has such a name")
	}
	if o.json {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(map[string]any{"machine": machine, "results": results})
	} else {
		report.Targets(os.Stdout, results)
	}
	return errors.Join(err, faults(results))
}

// do measures a case. Without -within a process of its own does so, because what
// earlier cases leave behind makes each garbage collection longer: the Go runtime
// never frees the descriptors of goroutines.
func (o *options) do(cfg *cases.Config, c cases.Case) *cases.Result {
	if o.within || o.profile != "" {
		cfg.Log("%s %s", time.Now().Format(time.TimeOnly), c.Name)
		return c.Do(cfg)
	}
	r, err := o.apart(cfg, c)
	if err != nil {
		return &cases.Result{Case: c.Name, Unit: c.Unit, Rows: []*cases.Row{{Rival: rival.Ours, Err: err.Error()}}}
	}
	return r
}

// apart measures a case in a process of its own.
func (o *options) apart(cfg *cases.Config, c cases.Case) (*cases.Result, error) {
	cmd := exec.Command(cfg.Self, "-within", "-json", fmt.Sprintf("-quick=%t", o.quick),
		"-rounds", fmt.Sprint(o.rounds), "-round", fmt.Sprint(o.round),
		"-case", "^"+regexp.QuoteMeta(c.Name)+"$", "-rival", o.rival.String())
	cmd.Stderr = os.Stderr
	out, failed := cmd.Output()
	var got struct{ Results []*cases.Result }
	if err := json.Unmarshal(out, &got); err != nil || len(got.Results) != 1 {
		return nil, errors.Join(failed, err)
	}
	return got.Results[0], nil // its faults are found here once more
}

// faults reports every library that is there and gave no figure.
func faults(results []*cases.Result) error {
	var errs []error
	for _, r := range results {
		for _, row := range r.Rows {
			switch {
			case row.Err != "":
				errs = append(errs, fmt.Errorf("%s: %s: %s", r.Case, row.Rival, row.Err))
			case row.Missing == "" && row.Figure.Median <= 0:
				errs = append(errs, fmt.Errorf("%s: %s gave no figure", r.Case, row.Rival))
			}
		}
	}
	return errors.Join(errs...)
}
