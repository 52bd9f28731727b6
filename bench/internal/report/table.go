// Package report prints results.
package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gozmq/gozmq/bench/internal/cases"
	"github.com/gozmq/gozmq/bench/internal/measure"
)

// Case prints one case's table, in Markdown that can be read as it is.
func Case(w io.Writer, r *cases.Result) {
	fmt.Fprintf(w, "\n### %s\n\n", r.Case)
	head := []string{"", r.Unit, "min–max", "gozmq is × as good", "p50", "p99", "CPU µs/op", "allocs/op", "B/op", "remarks"}
	rows := [][]string{head}
	for _, row := range r.Rows {
		rows = append(rows, cells(row))
	}
	table(w, withoutEmpty(rows))
	for _, note := range r.Notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
}

func cells(row *cases.Row) []string {
	switch {
	case row.Missing != "":
		return []string{row.Rival, "–", "", "", "", "", "", "", "", row.Missing}
	case row.Err != "":
		return []string{row.Rival, "failed", "", "", "", "", "", "", "", row.Err}
	}
	list := []string{row.Rival, number(row.Figure.Median), number(row.Figure.Min) + "–" + number(row.Figure.Max), "", "", "", "", "", "", row.Note}
	if row.Ratio.Median > 0 {
		list[3] = fmt.Sprintf("%.2f (%.2f–%.2f)", row.Ratio.Median, row.Ratio.Min, row.Ratio.Max)
	}
	if row.P50.Median > 0 {
		list[4], list[5] = latency(row.P50), latency(row.P99)
	}
	if row.CPU.Median > 0 {
		list[6] = number(row.CPU.Median / 1e3)
	}
	if row.Bytes.Median > 0 {
		list[7], list[8] = fmt.Sprintf("%.1f", row.Allocs.Median), number(row.Bytes.Median)
	}
	return list
}

func latency(s measure.Stat) string {
	d := time.Duration(s.Median)
	if d < time.Millisecond {
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.2f ms", float64(d)/1e6)
}

// number writes three significant digits or all before the point, in groups of
// three.
func number(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// withoutEmpty leaves out the columns that have nothing below their head.
func withoutEmpty(rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for col := range rows[0] {
		used := col == 0
		for _, row := range rows[1:] {
			used = used || row[col] != ""
		}
		for i := range rows {
			if used {
				out[i] = append(out[i], rows[i][col])
			}
		}
	}
	return out
}

// table prints rows, of which the first is the head.
func table(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	for i, row := range rows {
		line(w, row, widths)
		if i == 0 {
			rule := make([]string, len(row))
			for j := range rule {
				rule[j] = strings.Repeat("-", widths[j])
			}
			line(w, rule, widths)
		}
	}
}

func line(w io.Writer, cells []string, widths []int) {
	for i, cell := range cells {
		fmt.Fprintf(w, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
	}
	fmt.Fprintln(w, "|")
}
