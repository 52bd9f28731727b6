package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
)

// topViews are the views of top, in the order of their keys.
var topViews = []topView{
	{"roles", roleRow, "ROLE\tKIND\tREADY\tPEERS\tIN/S\tOUT/S\tIN kB/S\tOUT kB/S\tDROPPED\tRUNNING\tWAITING"},
	{"methods", methodRows, "ROLE\tMETHOD\tHANDLED\tPER S\tFAILED"},
	{"topics", topicRows, "ROLE\tTOPIC\tMESSAGES\tPER S\tFAILED"},
	{"queues", queueRows, "ROLE\tQUEUE\tMESSAGES\tMOST\tBYTES\tDROPPED"},
	{"peers", peerRows, "ROLE\tADDRESS\tSOCKET\tMECHANISM\tUSER\tIN\tOUT\tQUEUED\tIN FLIGHT\tRTT"},
}

// A topView is a table with rows of each role.
type topView struct {
	name string
	rows func(w *tabwriter.Writer, now *adminv1.RoleStats, rate topRate)
	head string
}

// table returns the view of the numbers; last are those before, nil for none.
func (v topView) table(now, last *adminv1.GetStatsResponse) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, v.head)
	for _, role := range now.GetRoles() {
		v.rows(w, role, rateOf(role, now, last))
	}
	_ = w.Flush()
	return b.String()
}

func rateOf(role *adminv1.RoleStats, now, last *adminv1.GetStatsResponse) topRate {
	r := topRate{seconds: now.GetTime().AsTime().Sub(last.GetTime().AsTime()).Seconds()}
	for _, before := range last.GetRoles() {
		if before.GetName() == role.GetName() && before.GetSide() == role.GetSide() {
			r.last = before
		}
	}
	return r
}

// roleName is the role with its side, where it has two; a peer's program may have
// chosen it.
func roleName(r *adminv1.RoleStats) string {
	if r.GetSide() != "" {
		return printable(r.GetName() + "/" + r.GetSide())
	}
	return printable(r.GetName())
}

func roleRow(w *tabwriter.Writer, r *adminv1.RoleStats, rate topRate) {
	t, before := r.GetTraffic(), rate.last.GetTraffic()
	kind := strings.ToLower(strings.TrimPrefix(r.GetKind().String(), "ROLE_KIND_"))
	running := uint64(r.GetCalls().GetRunning()) + r.GetTasks().GetInFlight()
	waiting := uint64(r.GetCalls().GetWaiting()) + r.GetTasks().GetQueued()
	ready := fmt.Sprint(r.GetReady())
	if r.GetTasks().GetStandby() {
		ready = "standby"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", roleName(r), kind, ready, r.GetPeerCount(),
		rate.of(t.GetMessagesIn(), before.GetMessagesIn()), rate.of(t.GetMessagesOut(), before.GetMessagesOut()),
		rate.of(t.GetBytesIn()/1000, before.GetBytesIn()/1000), rate.of(t.GetBytesOut()/1000, before.GetBytesOut()/1000),
		t.GetDropped(), running, waiting)
}

func methodRows(w *tabwriter.Writer, r *adminv1.RoleStats, rate topRate) {
	countRows(w, r, rate, false)
}

func topicRows(w *tabwriter.Writer, r *adminv1.RoleStats, rate topRate) {
	countRows(w, r, rate, true)
}

// countRows prints the methods with a topic, or the ones without.
func countRows(w *tabwriter.Writer, r *adminv1.RoleStats, rate topRate, topics bool) {
	before := map[string]uint64{}
	for _, m := range rate.last.GetMethods() {
		before[m.GetProcedure()] = m.GetHandled()
	}
	for _, m := range r.GetMethods() {
		name := m.GetProcedure()
		if (m.GetTopicTemplate() != "") != topics {
			continue
		}
		if topics {
			name = m.GetTopicTemplate()
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\n", roleName(r), printable(name), m.GetHandled(), rate.of(m.GetHandled(), before[m.GetProcedure()]), m.GetFailed())
	}
}

func queueRows(w *tabwriter.Writer, r *adminv1.RoleStats, _ topRate) {
	for _, q := range r.GetQueues() {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\n", roleName(r), printable(q.GetName()), q.GetMessages(), q.GetMaxMessages(), q.GetBytes(), q.GetDropped())
	}
}

func peerRows(w *tabwriter.Writer, r *adminv1.RoleStats, _ topRate) {
	for _, p := range r.GetPeers() {
		rtt := "-"
		if p.GetRoundTrip() != nil {
			rtt = roughly(p.GetRoundTrip().AsDuration())
		}
		user := p.GetUserId()
		if user == "" {
			user = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", roleName(r), printable(p.GetAddress()), printable(p.GetSocketType()), p.GetMechanism(), printable(user),
			p.GetTraffic().GetMessagesIn(), p.GetTraffic().GetMessagesOut(), p.GetQueuedMessages(), p.GetInFlight(), rtt)
	}
}

// A topRate says what became of a counter since the numbers before.
type topRate struct {
	last    *adminv1.RoleStats // nil: there are none
	seconds float64
}

func (r topRate) of(now, before uint64) string {
	if r.last == nil || r.seconds <= 0 || now < before {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(now-before)/r.seconds)
}

func (m *topModel) draw() string {
	var b strings.Builder
	b.WriteString("gozmq top  " + m.title)
	if m.held {
		b.WriteString("  (held)")
	}
	b.WriteString("\n")
	for i, view := range topViews {
		mark := " "
		if i == m.view {
			mark = "*"
		}
		fmt.Fprintf(&b, "%s%d %s  ", mark, i+1, view.name)
	}
	b.WriteString("\n\n")
	if m.now == nil {
		return b.String() + "waiting for the process…\n"
	}
	lines := strings.Split(strings.TrimRight(topViews[m.view].table(m.now, m.last), "\n"), "\n")
	b.WriteString(lines[0] + "\n")
	rows := lines[1:]
	rows = rows[min(m.scroll, max(len(rows)-1, 0)):]
	if room := m.height - 5; m.height > 0 && len(rows) > max(room, 1) {
		rows = rows[:max(room, 1)]
	}
	b.WriteString(strings.Join(rows, "\n") + "\n")
	return b.String()
}
