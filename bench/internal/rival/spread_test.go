package rival

import "testing"

func TestSpreadReachesEveryConnection(t *testing.T) {
	for _, o := range []Options{{Callers: 1, Conns: 1}, {Callers: 64, Conns: 1}, {Callers: 7, Conns: 3}, {Callers: 64, Conns: 1000}, {Callers: 5, Conns: 5}} {
		s := newSpread(o)
		used := make([]int, o.Conns)
		for range o.Conns {
			for caller := range o.Callers {
				used[s.next(caller)]++
			}
		}
		for i, n := range used {
			if n == 0 {
				t.Errorf("%d callers, %d connections: connection %d is never used", o.Callers, o.Conns, i)
			}
		}
	}
}
