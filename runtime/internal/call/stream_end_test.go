package call

import "testing"

func TestCloseOfAStreamThatIsOverMakesNoError(t *testing.T) {
	s := &Stream{method: Method{Procedure: "test.Service/Method"}}
	s.done.Store(true)
	if n := testing.AllocsPerRun(10, s.Close); n > 0 {
		t.Errorf("Close allocates %v times", n)
	}
}
