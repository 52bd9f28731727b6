package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/bench/internal/cases"
	"github.com/gozmq/gozmq/bench/internal/plots"
	"github.com/gozmq/gozmq/bench/internal/report"
)

// draw measures what is plotted and writes it, or draws again what was measured.
func (o *options) draw(dir string) error {
	if o.plotsFrom != "" {
		d, err := plots.Read(o.plotsFrom)
		if err != nil {
			return err
		}
		return d.Write(o.plotsTo)
	}
	cfg, err := o.config(dir)
	if err != nil {
		return err
	}
	var sweeps []cases.Sweep
	for _, s := range cases.Sweeps() {
		if o.cases.MatchString(s.Name) {
			sweeps = append(sweeps, s)
		}
	}
	if len(sweeps) == 0 {
		return errors.New("no sweep has such a name")
	}
	// Each has the same share of the time that is left.
	end := time.Now().Add(o.plotsFor)
	d := &plots.Data{Machine: report.ThisMachine(), Round: cfg.Round.String()}
	for i, s := range sweeps {
		share := time.Until(end) / time.Duration(len(sweeps)-i)
		cfg.Log("%s %s, for %v", time.Now().Format(time.TimeOnly), s.Name, share.Round(time.Second))
		d.Sweeps = append(d.Sweeps, s.Do(cfg, time.Now().Add(share)))
	}
	return errors.Join(d.Write(o.plotsTo), gaps(d.Sweeps))
}

// gaps reports every point of ours that is missing.
func gaps(sweeps []*cases.SweepResult) error {
	var errs []error
	for _, s := range sweeps {
		for _, p := range s.Series[0].Points {
			if p.Err != "" {
				errs = append(errs, fmt.Errorf("%s at %d: %s", s.Name, p.X, p.Err))
			}
		}
	}
	return errors.Join(errs...)
}
