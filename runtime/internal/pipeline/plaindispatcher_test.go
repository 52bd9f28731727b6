package pipeline

import "testing"

// Without metadata, a task costs no byte and no allocation for it.
func TestPlainHeader(t *testing.T) {
	batch := []byte("batch")
	if n := testing.AllocsPerRun(100, func() {
		if plainHeader(nil, nil) != nil || &plainHeader(batch, nil)[0] != &batch[0] {
			t.Error("there is a header for metadata")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
