package measure

import "testing"

func TestNewStat(t *testing.T) {
	for _, test := range []struct {
		name   string
		rounds []float64
		want   Stat
	}{
		{"none", nil, Stat{}},
		{"one", []float64{3}, Stat{Median: 3, Min: 3, Max: 3}},
		{"odd", []float64{9, 1, 2}, Stat{Median: 2, Min: 1, Max: 9}},
		{"even", []float64{4, 1, 2, 9}, Stat{Median: 3, Min: 1, Max: 9}},
	} {
		if got := NewStat(test.rounds); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}
