package measure

import "slices"

// A Stat is one figure over the rounds.
type Stat struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// NewStat returns the median and the spread of the rounds; zero of none.
func NewStat(rounds []float64) Stat {
	if len(rounds) == 0 {
		return Stat{}
	}
	sorted := slices.Clone(rounds)
	slices.Sort(sorted)
	n := len(sorted)
	median := sorted[n/2]
	if n%2 == 0 {
		median = (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return Stat{Median: median, Min: sorted[0], Max: sorted[n-1]}
}
