package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// What a worker repeats of a ventilator neither shortens the lease of a later word,
// nor has a batch reported as silent again; a new word does.
func TestRepeatedWordIsNotNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lease = time.Minute
		start, reports := time.Now(), []time.Duration(nil)
		b := NewBatchCounter(func(BatchStatus) { reports = append(reports, time.Since(start)) }, true)
		defer b.Close(t.Context())
		say := func(lease time.Duration) { b.Alive(wire.VentilatorState{Ventilator: []byte("v"), Lease: lease}) }
		say(lease)
		b.count(&wire.Batch{ID: []byte("b"), Name: "b", Ventilator: []byte("v")})
		time.Sleep(lease / 2)
		say(time.Second) // as of 59 s before
		time.Sleep(lease)
		say(time.Second)
		time.Sleep(lease)
		say(lease)
		time.Sleep(2 * lease)
		synctest.Wait()
		if len(reports) != 2 || reports[0] != lease || reports[1] != 7*lease/2 {
			t.Errorf("silence was reported after %v, want once for each new word", reports)
		}
	})
}
