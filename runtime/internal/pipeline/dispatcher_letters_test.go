package pipeline

import (
	"strconv"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// Beyond their limit, the oldest letters that no function wants are discarded, and
// that is said.
func TestLettersBounded(t *testing.T) {
	store := new(gozmqstore.Memory)
	d := dispatcher(t, store)
	d.cfg.WantsLetter = func(string) bool { return false }
	discarded := 0
	d.cfg.LetterDiscarded = func(string, error) { discarded++ }
	add := func(id string, body []byte) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.addLetter(DeadTask{ID: id, Procedure: "s/M", Body: body}, false)
	}
	for n := range MaxKeptLetters + 10 {
		add(strconv.Itoa(n), nil)
	}
	first, _ := d.DeadLetters(0, 1)
	if discarded != 10 || first[0].ID != "10" {
		t.Errorf("%d letters were discarded, and the first one left is %s", discarded, first[0].ID)
	}
	for n := 10; n < MaxKeptLetters; n++ {
		if err := d.Discard(t.Context(), strconv.Itoa(n)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.kept.ids); d.kept.count != 10 || n > 2*10+minTrim {
		t.Errorf("%d letters are kept, and %d named", d.kept.count, n)
	}
	discarded = 0
	add("big", make([]byte, MaxKeptLetterBytes))
	if d.kept.count != 1 || discarded != 10 {
		t.Errorf("beside a letter of the largest size, %d are kept, and %d were discarded", d.kept.count, discarded)
	}
	if err := d.Close(testkit.Within(t)); err != nil {
		t.Error(err)
	}
}
