package plots

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/gozmq/gozmq/bench/internal/cases"
)

// The size of a plot, both panels together.
const (
	width  = 10 * vg.Inch
	height = 4 * vg.Inch
)

// Each library has a color that those who see few colors can tell from the
// others, and a mark of its own. Ours is the first.
var (
	colors = []color.Color{color.RGBA{G: 114, B: 178, A: 255}, color.RGBA{R: 213, G: 94, A: 255}, color.RGBA{G: 158, B: 115, A: 255}}
	marks  = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}}
)

// Draw writes a sweep as SVG: the rate on the left, processor time per operation
// on the right. Its background is white, so that dark pages show it, too.
func Draw(w io.Writer, s *cases.SweepResult, caption string) error {
	rate, err := panel(s, s.Title, s.Unit, func(p cases.Point) float64 { return p.Rate })
	if err != nil {
		return err
	}
	cpu, err := panel(s, caption, "µs of CPU per operation", func(p cases.Point) float64 { return p.CPU / 1e3 })
	if err != nil {
		return err
	}
	cpu.Title.TextStyle.Font.Size = vg.Points(6)
	canvas := vgsvg.New(width, height)
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: vg.Points(16), PadTop: vg.Points(4), PadBottom: vg.Points(4), PadLeft: vg.Points(4), PadRight: vg.Points(12)}
	plots := [][]*plot.Plot{{rate, cpu}}
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	for i, c := range plot.Align(plots, tiles, all)[0] {
		plots[0][i].Draw(c)
	}
	_, err = canvas.WriteTo(w)
	return err
}

// panel draws one figure of every library, both axes logarithmic.
func panel(s *cases.SweepResult, title, unit string, figure func(cases.Point) float64) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, s.X, unit
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.Legend.Top, p.Legend.Left = true, true // where a wider font has room
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{Y: 224}, color.Gray{Y: 224}
	p.Add(grid)
	low, high := math.Inf(1), 0.0
	for i, series := range s.Series {
		var points plotter.XYs
		for _, q := range series.Points {
			if y := figure(q); y > 0 {
				points = append(points, plotter.XY{X: place(s, q.X), Y: y})
				low, high = min(low, y), max(high, y)
			}
		}
		if len(points) == 0 {
			continue
		}
		line, mark, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = colors[i%len(colors)], vg.Points(1.5)
		mark.Color, mark.Shape, mark.Radius = line.Color, marks[i%len(marks)], vg.Points(3)
		p.Add(line, mark)
		p.Legend.Add(series.Rival, line, mark)
	}
	if high == 0 {
		low, high = 1, 1
	}
	// Whole powers of ten; the legend has the room above the lines.
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(low))), 10*math.Pow(10, math.Ceil(math.Log10(high)))
	p.Y.Tick.Marker = plot.TickerFunc(decades)
	xs := s.Series[0].Points
	p.X.Min, p.X.Max = place(s, xs[0].X), place(s, xs[len(xs)-1].X)
	if p.X.Min == p.X.Max {
		p.X.Max *= 10
	}
	p.X.Tick.Marker = xTicks(s)
	return p, nil
}

// place returns where x is: zero, which no logarithmic axis has, a step below the
// next one.
func place(s *cases.SweepResult, x int) float64 {
	if x > 0 {
		return float64(x)
	}
	for _, p := range s.Series[0].Points {
		if p.X > 0 {
			return float64(p.X) / 8
		}
	}
	return 1
}

func xTicks(s *cases.SweepResult) plot.Ticker {
	var ticks plot.ConstantTicks
	for _, p := range s.Series[0].Points {
		ticks = append(ticks, plot.Tick{Value: place(s, p.X), Label: short(p.X)})
	}
	return ticks
}

// short writes 131072 as 128Ki and 10000 as 10k.
func short(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dMi", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%dKi", n>>10)
	case n >= 1e6 && n%1e6 == 0:
		return fmt.Sprintf("%dM", n/1e6)
	case n >= 1e3 && n%10 == 0:
		return fmt.Sprintf("%gk", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}

// decades are the powers of ten, with unlabeled ticks between them.
func decades(low, high float64) (ticks []plot.Tick) {
	for e := int(math.Round(math.Log10(low))); e <= int(math.Round(math.Log10(high))); e++ {
		v := math.Pow(10, float64(e))
		label := fmt.Sprintf("%g", v)
		if v >= 1e3 {
			label = short(int(math.Round(v)))
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
		for m := 2.0; m < 10 && v*m < high; m++ {
			ticks = append(ticks, plot.Tick{Value: v * m})
		}
	}
	return ticks
}
