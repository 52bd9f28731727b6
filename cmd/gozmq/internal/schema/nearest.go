package schema

import "strings"

// Nearest returns the one of names that is most like name, in which a letter may
// be wrong for every three, in full or without the package, or the service; "":
// none is.
func Nearest(name string, names []string) string {
	best, least := "", len(name)/3+1
	for _, n := range names {
		for rest := n; rest != ""; {
			if d := distance(strings.ToLower(name), strings.ToLower(rest)); d < least {
				best, least = n, d
			}
			i := strings.IndexAny(rest, "./")
			if i < 0 {
				break
			}
			rest = rest[i+1:]
		}
	}
	return best
}

// distance is how many letters must be inserted, deleted or replaced to turn a into
// b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
