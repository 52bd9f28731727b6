package gozmqhttp

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

// A metric is one family of /metrics.
type metric struct {
	name, kind, help string
	label            string // in addition to the socket's; "" for none
	values           func(*gozmqops.Socket) []value
}

type value struct {
	label string // the value of the metric's label
	n     float64
}

func one[N int | uint64](of func(*gozmq.Stats) N) func(*gozmqops.Socket) []value {
	return func(s *gozmqops.Socket) []value { return []value{{"", float64(of(&s.Stats))}} }
}

func counts[N int | uint64](labels []string, of func(*gozmq.Stats) []N) func(*gozmqops.Socket) []value {
	return func(s *gozmqops.Socket) []value {
		var list []value
		for i, n := range of(&s.Stats) {
			list = append(list, value{labels[i], float64(n)})
		}
		return list
	}
}

// metrics returns the families. A family has a few series for each socket, however
// many peers connect.
func metrics() []metric {
	inOut := []string{"in", "out"}
	type stats = gozmq.Stats
	return []metric{
		{"ready", "gauge", "1 while the socket is bound and connected.", "", func(s *gozmqops.Socket) []value {
			if s.Ready {
				return []value{{"", 1}}
			}
			return []value{{"", 0}}
		}},
		{"peers", "gauge", "Connected peers.", "", one(func(s *stats) int { return len(s.Peers) })},
		{"connections_total", "counter", "Connections after their handshake.", "by", counts([]string{"accepted", "dialed"}, func(s *stats) []uint64 { return []uint64{s.Accepted, s.Dialed} })},
		{"disconnected_total", "counter", "Connections that have ended.", "", one(func(s *stats) uint64 { return s.Disconnected })},
		{"connection_failures_total", "counter", "Connections that were not made.", "reason", counts([]string{"accept", "dial", "handshake", "probe"}, func(s *stats) []uint64 {
			return []uint64{s.AcceptsFailed, s.DialsFailed, s.HandshakesFailed, s.Probed}
		})},
		{"heartbeats_lost_total", "counter", "Peers that were silent for too long.", "", one(func(s *stats) uint64 { return s.HeartbeatsLost })},
		{"messages_total", "counter", "Messages.", "direction", counts(inOut, func(s *stats) []uint64 { return []uint64{s.MessagesIn, s.MessagesOut} })},
		{"bytes_total", "counter", "Bytes on the wire.", "direction", counts(inOut, func(s *stats) []uint64 { return []uint64{s.BytesIn, s.BytesOut} })},
		{"malformed_total", "counter", "Messages that made no sense.", "", one(func(s *stats) uint64 { return s.Malformed })},
		{"dropped_total", "counter", "Messages that somebody misses.", "reason", counts([]string{"peer_queue_full", "too_large", "own_queue_full", "superseded"}, func(s *stats) []uint64 {
			return []uint64{s.Dropped - min(s.Dropped, s.TooLarge), s.TooLarge, s.Overflowed, s.Superseded}
		})},
		{"calls", "gauge", "Calls and streams.", "state", counts([]string{"running", "waiting"}, func(s *stats) []int { return []int{s.Calls.Running, s.Calls.Waiting} })},
		{"call_events_total", "counter", "What happened to calls.", "event", counts([]string{"refused", "retried", "hedged", "failed_over"}, func(s *stats) []uint64 {
			return []uint64{s.Calls.Refused, s.Calls.Retried, s.Calls.Hedged, s.Calls.FailedOver}
		})},
		{"tasks", "gauge", "Tasks or results that are not finished.", "state", counts([]string{"queued", "in_flight"}, func(s *stats) []int { return []int{s.Tasks.Queued, s.Tasks.InFlight} })},
		{"task_events_total", "counter", "What happened to tasks or results.", "event", counts([]string{"done", "failed", "redelivered"}, func(s *stats) []uint64 {
			return []uint64{s.Tasks.Done, s.Tasks.Failed, s.Tasks.Redelivered}
		})},
		{"oldest_task_seconds", "gauge", "Age of the oldest unfinished task.", "", func(s *gozmqops.Socket) []value { return []value{{"", s.Stats.OldestTask.Seconds()}} }},
		{"queue_messages", "gauge", "Messages in queues, all together.", "queue", counts([]string{"receive", "send"}, func(s *stats) []int { return []int{received(s), sending(s)} })},
		{"queue_fill_ratio", "gauge", "The fullest queue, against its mark.", "queue", func(s *gozmqops.Socket) []value {
			return []value{{"receive", fullestReceive(&s.Stats)}, {"send", fullestSend(&s.Stats)}}
		}},
	}
}

func received(s *gozmq.Stats) (n int) {
	for _, q := range s.Queues {
		n += q.Messages
	}
	return n
}

func sending(s *gozmq.Stats) (n int) {
	for _, p := range s.Peers {
		n += p.QueuedMessages
	}
	return n
}

func fullestReceive(s *gozmq.Stats) (fill float64) {
	for _, q := range s.Queues {
		fill = max(fill, ratio(q.Messages, q.MaxMessages), ratio(q.Bytes, q.MaxBytes))
	}
	return fill
}

func fullestSend(s *gozmq.Stats) (fill float64) {
	for _, p := range s.Peers {
		fill = max(fill, ratio(p.QueuedMessages, s.SendQueue), ratio(p.QueuedBytes, s.SendQueueBytes))
	}
	return fill
}

func ratio(n, of int) float64 {
	if of <= 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func (h handler) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	secure(w)
	_, _ = w.Write([]byte(exposition(h.group.Snapshot()))) // the client has gone if it fails
}

// exposition returns the metrics in Prometheus's text format.
func exposition(s gozmqops.Snapshot) string {
	var b strings.Builder
	for _, m := range metrics() {
		fmt.Fprintf(&b, "# HELP gozmq_%s %s\n# TYPE gozmq_%s %s\n", m.name, m.help, m.name, m.kind)
		for i := range s.Sockets {
			socket := &s.Sockets[i]
			for _, v := range m.values(socket) {
				fmt.Fprintf(&b, "gozmq_%s{name=\"%s\",role=\"%s\",side=\"%s\"", m.name, escape(socket.Name), socket.Stats.Role, socket.Side)
				if m.label != "" {
					fmt.Fprintf(&b, ",%s=\"%s\"", m.label, v.label)
				}
				fmt.Fprintf(&b, "} %v\n", v.n)
			}
		}
	}
	return b.String()
}

var labelEscapes = strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n")

// escape makes a label's value of text.
func escape(text string) string { return labelEscapes.Replace(strings.ToValidUTF8(text, "\uFFFD")) }
