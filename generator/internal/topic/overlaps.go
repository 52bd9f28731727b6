package topic

import (
	"slices"
)

// mostOverlaps limits the overlaps that are found for one template, so that a
// thousand methods with one topic do not make half a million faults.
const mostOverlaps = 8

// An Overlapping is a pair of templates that can make the same topic.
type Overlapping struct {
	Earlier, Later int // indexes
	// Example is the shortest topic that both make.
	Example string
}

// Overlaps finds the pairs among templates that can make the same topic, in the
// order of the later one, and for each of these at most the first eight. It skips
// empty templates.
//
// It builds one tree of all templates, in which common prefixes are shared, and
// walks two places of the tree at once. So the work grows with the length of all
// templates, and not with the number of pairs.
func Overlaps(templates [][]Segment) []Overlapping {
	pairs, _ := overlaps(templates)
	return pairs
}

// overlaps also returns how many pairs of places it has visited.
func overlaps(templates [][]Segment) ([]Overlapping, int) {
	w := walk{seen: map[[2]int]bool{}, earlier: make([][]int, len(templates))}
	w.tree.add() // the root
	for i, t := range templates {
		if len(t) > 0 {
			w.tree.insert(tokens(t), i)
		}
	}
	w.run()
	var out []Overlapping
	for later, earlier := range w.earlier {
		for _, i := range earlier {
			if example, ok := Overlap(templates[later], templates[i]); ok {
				out = append(out, Overlapping{i, later, example})
			}
		}
	}
	return out, len(w.queue)
}

// A tree holds templates by their tokens. A node stands for what has been read:
// a literal byte and all before it, or a part of a run and all before it.
type tree struct{ nodes []node }

type node struct {
	token token
	// literals and runs lead to what may come next.
	literals map[byte]int
	runs     []int
	// ends are the templates that are complete here.
	ends []int
	// only is the single template that passes here, or the mark of several.
	only int
}

const several = -1

func (t *tree) add() int {
	t.nodes = append(t.nodes, node{only: several})
	return len(t.nodes) - 1
}

func (t *tree) insert(tokens []token, template int) {
	at := 0
	for _, tok := range tokens {
		next, known := t.next(at, tok)
		if !known {
			next = t.add()
			t.nodes[next].token, t.nodes[next].only = tok, template
			t.link(at, next)
		} else if t.nodes[next].only != template {
			t.nodes[next].only = several
		}
		at = next
	}
	t.nodes[at].ends = append(t.nodes[at].ends, template)
}

func (t *tree) next(at int, tok token) (int, bool) {
	if !tok.run {
		next, ok := t.nodes[at].literals[tok.b]
		return next, ok
	}
	for _, r := range t.nodes[at].runs {
		if t.nodes[r].token == tok {
			return r, true
		}
	}
	return 0, false
}

func (t *tree) link(from, to int) {
	n := &t.nodes[from]
	if tok := t.nodes[to].token; tok.run {
		n.runs = append(n.runs, to)
		return
	} else if n.literals == nil {
		n.literals = map[byte]int{tok.b: to}
	} else {
		n.literals[tok.b] = to
	}
}

// A walk visits the pairs of places that the same bytes lead to.
type walk struct {
	tree  tree
	queue [][2]int
	seen  map[[2]int]bool
	// earlier has, for each template, the first earlier ones that overlap it, in
	// order.
	earlier [][]int
}

func (w *walk) run() {
	w.visit(0, 0)
	for i := 0; i < len(w.queue); i++ {
		a, b := w.queue[i][0], w.queue[i][1]
		w.ends(a, b)
		w.enterRuns(a, b)
		w.enterRuns(b, a)
		w.read(a, b)
	}
}

// visit adds a pair of places, unless one template alone goes through both.
func (w *walk) visit(a, b int) {
	pair := [2]int{min(a, b), max(a, b)}
	if only := w.tree.nodes[a].only; only != several && only == w.tree.nodes[b].only || w.seen[pair] {
		return
	}
	w.seen[pair] = true
	w.queue = append(w.queue, pair)
}

// ends records the templates that are complete at a and at b. All templates that
// are complete at one place make the same topics, so the first few are enough.
func (w *walk) ends(a, b int) {
	for _, x := range w.tree.nodes[a].ends {
		others := w.tree.nodes[b].ends
		for _, y := range others[:min(len(others), mostOverlaps)] {
			if a != b || y < x {
				w.note(max(x, y), min(x, y))
			}
		}
	}
}

// note records that earlier overlaps later, up to mostOverlaps times.
func (w *walk) note(later, earlier int) {
	list := w.earlier[later]
	i, _ := slices.BinarySearch(list, earlier)
	list = slices.Insert(list, i, earlier)
	w.earlier[later] = list[:min(len(list), mostOverlaps)]
}

// enterRuns visits the runs that begin at a, which may be empty.
func (w *walk) enterRuns(a, b int) {
	for _, r := range w.tree.nodes[a].runs {
		w.visit(r, b)
	}
}

// read visits the pairs of places to which the same byte leads from a and from b. A
// run stays where it is; two runs that read the same byte both do.
func (w *walk) read(a, b int) {
	na, nb := &w.tree.nodes[a], &w.tree.nodes[b]
	for c, next := range na.literals {
		if other, ok := nb.literals[c]; ok {
			w.visit(next, other)
		}
		if nb.token.run && nb.token.allows(c) {
			w.visit(next, b)
		}
	}
	if !na.token.run {
		return
	}
	for c, next := range nb.literals {
		if na.token.allows(c) {
			w.visit(a, next)
		}
	}
}
