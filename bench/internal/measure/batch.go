package measure

import "time"

// Batch has run do n operations and return how many were done, with n so that this
// takes about d; it warms up with fewer for warmUp.
func Batch(warmUp, d time.Duration, run func(n uint64) (uint64, error)) (Sample, error) {
	n, took := uint64(16), time.Duration(0)
	for {
		begin := time.Now()
		if _, err := run(n); err != nil {
			return Sample{}, err
		}
		if took = time.Since(begin); took > warmUp/4 {
			break
		}
		n *= 2
	}
	n = max(n, uint64(float64(n)*float64(d)/float64(took)))
	var m meter
	m.start()
	begin := time.Now()
	done, err := run(n)
	if err != nil {
		return Sample{}, err
	}
	s := m.sample(done, time.Since(begin))
	s.Lost = 1 - float64(done)/float64(n)
	return s, nil
}
