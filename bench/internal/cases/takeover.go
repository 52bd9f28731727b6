package cases

import (
	"fmt"
	"slices"

	"github.com/gozmq/gozmq/bench/internal/child"
	"github.com/gozmq/gozmq/bench/internal/durable"
)

// takeoverCase is how long tasks wait when the process that owns them is killed
// and another one stands by.
func takeoverCase() Case {
	return Case{Name: "durable tasks, takeover after kill -9 of the owner", Unit: "s", Less: true, Run: func(cfg *Config, r *Result) {
		d := newDurables(cfg, r, func(k durable.Kind) bool { return k.Name == durable.Postgres || k.Name == durable.Bolt })
		defer d.servers.Close()
		d.each(func(row *Row, k durable.Kind) error {
			place, remove, err := d.servers.Place(k.Name)
			if err != nil {
				return err
			}
			defer remove()
			owner, _, err := child.Start(cfg.Self, "owner", k.Name, place)
			if err != nil {
				return err
			}
			took, err := durable.Takeover(k.Name, place, owner.Kill)
			owner.Stop()
			if err == nil {
				row.add(took.Seconds())
			}
			return err
		})
		r.Notes = append(r.Notes, "From the kill until a worker of the ventilator that stands by has the first task. PostgreSQL's lease is 3 s, the default.")
		for _, row := range d.rows {
			t := Target{What: row.Rival + ", worst round", Want: 5, AtMost: true, Unknown: fmt.Sprint(row.Rival, " was not measured")}
			if len(row.rounds) > 0 {
				t.Got, t.Unknown = slices.Max(row.rounds), ""
			}
			r.Targets = append(r.Targets, t)
		}
	}}
}
