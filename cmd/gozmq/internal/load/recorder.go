package load

import (
	"io"
	"maps"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// maxLatency is the longest recorded latency; longer ones count as it.
const maxLatency = 10 * time.Minute

// A Recorder counts operations and keeps their latencies. Its methods may be
// called from any goroutine.
type Recorder struct {
	mu       sync.Mutex
	began    time.Time
	ended    time.Time
	latency  *hdr.Histogram // from the planned time
	service  *hdr.Histogram // from the real beginning
	lateness *hdr.Histogram // of the generator
	counts   Counts
}

// Counts are the counts of a Recorder.
type Counts struct {
	Sent, Done, Failed uint64
	Messages, Bytes    uint64
	Errors             map[string]uint64 // by kind, such as a code's name
}

// NewRecorder returns a recorder without operations.
func NewRecorder() *Recorder {
	fresh := func() *hdr.Histogram { return hdr.New(1, int64(maxLatency), 3) }
	return &Recorder{latency: fresh(), service: fresh(), lateness: fresh(), counts: Counts{Errors: map[string]uint64{}}}
}

func (r *Recorder) begin(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = at
}

func (r *Recorder) finish(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Before(at) {
		r.ended = at
	}
}

// Finish extends the measured time to now: operations that ended elsewhere were
// still under way.
func (r *Recorder) Finish() { r.finish(time.Now()) }

func (r *Recorder) late(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record(r.lateness, d)
}

// Sent counts an operation that has begun, and is counted.
func (r *Recorder) Sent(a Arrival) {
	if !a.Counted {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Sent++
}

// Done counts an operation that has ended well at a time, with that many messages
// and bytes.
func (r *Recorder) Done(a Arrival, at time.Time, messages, bytes int) {
	if !a.Counted {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Done++
	r.counts.Messages += uint64(messages)
	r.counts.Bytes += uint64(bytes)
	record(r.latency, at.Sub(a.At))
	record(r.service, at.Sub(a.Begun))
}

// Failed counts an operation that has failed.
func (r *Recorder) Failed(a Arrival, why string) {
	if !a.Counted {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Failed++
	r.counts.Errors[why]++
}

func record(h *hdr.Histogram, d time.Duration) {
	_ = h.RecordValue(int64(min(max(d, 1), maxLatency)))
}

// A Result is the result of a measurement.
type Result struct {
	Counts
	Elapsed time.Duration
	// Latency counts from the time in the plan, Service from the real beginning.
	Latency, Service Latencies
	// Lateness is how late the generator itself was.
	Lateness Latencies
}

// Latencies are percentiles of one kind.
type Latencies struct {
	Min, Mean, P50, P90, P99, P999, P9999, Max time.Duration
}

// Result returns the measurements so far.
func (r *Recorder) Result() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Result{Counts: r.counts, Latency: latencies(r.latency), Service: latencies(r.service), Lateness: latencies(r.lateness)}
	out.Errors = make(map[string]uint64, len(r.counts.Errors))
	maps.Copy(out.Errors, r.counts.Errors)
	end := r.ended
	if end.IsZero() {
		end = time.Now()
	}
	out.Elapsed = max(end.Sub(r.began), 0)
	return out
}

func latencies(h *hdr.Histogram) Latencies {
	if h.TotalCount() == 0 {
		return Latencies{}
	}
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(q)) }
	return Latencies{
		Min: time.Duration(h.Min()), Mean: time.Duration(h.Mean()), Max: time.Duration(h.Max()),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), P9999: at(99.99),
	}
}

// WritePercentiles writes the distribution of the latencies in microseconds, as
// HdrHistogram's plotter reads it.
func (r *Recorder) WritePercentiles(w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.latency.PercentilesPrint(w, 5, 1000)
	return err
}
