package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Grafana is not here: the picture in the docs is drawn from the same file and the same answers of Prometheus, laid
// out as Grafana would, and looks plainer.
var picture = flag.Bool("picture", false, "draw docs/images/dashboard.png after the test of the dashboard")

// A unit of Grafana's grid, and what is left free around a panel.
const (
	gridWidth  = 46 * vg.Length(1)
	gridHeight = 21 * vg.Length(1)
	margin     = 5 * vg.Length(1)
)

func drawDashboard(t *testing.T, all []panel, history func(query string) []series) {
	t.Helper()
	bottom := 0
	for _, p := range all {
		bottom = max(bottom, p.GridPos.Y+p.GridPos.H)
	}
	width, height := 24*gridWidth, vg.Length(bottom)*gridHeight
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(110), vgimg.UseBackgroundColor(color.White))
	page := draw.New(canvas)
	for _, p := range all {
		g := p.GridPos
		left, top := vg.Length(g.X)*gridWidth+margin, vg.Length(g.Y)*gridHeight
		place := draw.Crop(page, left, left+vg.Length(g.W)*gridWidth-2*margin-width, height-top-vg.Length(g.H)*gridHeight+margin, -top)
		drawPanel(place, p, history)
	}
	file := filepath.Join("..", "..", "docs", "images", "dashboard.png")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(out); err != nil {
		t.Fatal(err)
	}
}

func drawPanel(place draw.Canvas, p panel, history func(query string) []series) {
	if p.Type == "row" {
		write(place, 13, p.Title)
		return
	}
	lines := linesOf(p, history)
	switch p.Type {
	case "stat":
		place = below(place, 10, p.Title)
		for _, line := range lines {
			value := strconv.FormatFloat(line.last(), 'g', 4, 64) + line.unit
			if len(lines) > 1 || strings.Contains(p.Targets[0].LegendFormat, "{{") {
				value = line.name + ": " + value
			}
			place = below(place, 14, value)
		}
	case "table":
		place = below(place, 10, p.Title)
		for _, line := range lines {
			place = below(place, 9, line.name)
		}
	default:
		drawGraph(place, p.Title, lines)
	}
}

// line is a series with the numbers as they are shown.
type line struct {
	name, unit string
	points     plotter.XYs
}

func (l line) last() float64 { return l.points[len(l.points)-1].Y }

func linesOf(p panel, history func(query string) []series) (lines []line) {
	for _, target := range p.Targets {
		for _, one := range history(filledIn(target.Expr)) {
			l := line{name: legend(target.LegendFormat, one.Metric)}
			for _, value := range one.Values {
				at := value[0].(float64)
				if number, err := strconv.ParseFloat(value[1].(string), 64); err == nil && number == number { // not NaN
					l.points = append(l.points, plotter.XY{X: at, Y: number})
				}
			}
			if len(l.points) > 0 {
				lines = append(lines, l)
			}
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.name, b.name) })
	scale(lines, p.FieldConfig.Defaults.Unit)
	return lines
}

// scale shows big numbers in units for people.
func scale(lines []line, unit string) {
	highest := 0.0
	for _, l := range lines {
		for _, point := range l.points {
			highest = max(highest, point.Y)
		}
	}
	by, shown := 1.0, map[string]string{"s": " s", "reqps": "/s", "ops": "/s", "opm": "/min"}[unit]
	switch {
	case unit == "bytes":
		by, shown = 1<<20, " MiB"
	case unit == "percentunit":
		by, shown = .01, " %"
	case unit == "s" && highest > 2*86400:
		by, shown = 86400, " days"
	case unit == "s" && highest > 7200:
		by, shown = 3600, " hours"
	}
	for i := range lines {
		lines[i].unit = shown
		for j := range lines[i].points {
			lines[i].points[j].Y /= by
		}
	}
}

var label = regexp.MustCompile(`{{(\w+)}}`)

func legend(format string, labels map[string]string) string {
	if format == "__auto" {
		var all []string
		for _, value := range labels {
			all = append(all, value)
		}
		slices.Sort(all)
		return strings.Join(all, "   ")
	}
	return label.ReplaceAllStringFunc(format, func(name string) string { return labels[strings.Trim(name, "{}")] })
}

// mostLegend is how many names fit above a graph.
const mostLegend = 7

func drawGraph(place draw.Canvas, title string, lines []line) {
	graph := plot.New()
	graph.Title.Text = title
	graph.Title.TextStyle.Font.Size = 10
	graph.X.Tick.Marker = plot.TimeTicks{Format: "15:04:05"}
	graph.X.Tick.Label.Font.Size, graph.Y.Tick.Label.Font.Size, graph.Legend.TextStyle.Font.Size = 7, 7, 7
	graph.Legend.Top, graph.Legend.Left, graph.Legend.ThumbnailWidth = true, true, 10
	for i, l := range lines {
		drawn, err := plotter.NewLine(l.points)
		if err != nil {
			continue // it has points, and no NaN
		}
		drawn.Color = plotutil.Color(i)
		graph.Add(drawn)
		if i < mostLegend {
			graph.Legend.Add(shortened(l.name, 60), drawn)
		}
	}
	if len(lines) > 0 {
		graph.Y.Label.Text = strings.TrimSpace(lines[0].unit)
		graph.Y.Label.TextStyle.Font.Size = 7
	}
	if len(lines) > mostLegend {
		graph.Legend.Add(fmt.Sprintf("and %d more", len(lines)-mostLegend))
	}
	graph.Y.Min = 0
	if graph.Y.Max <= 0 {
		graph.Y.Max = 1
	}
	graph.Y.Max *= 1 + .11*float64(min(len(lines), mostLegend+1)) // room for the names
	graph.Draw(place)
}

func shortened(name string, most int) string {
	if letters := []rune(name); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return name
}

func write(place draw.Canvas, size font.Length, line string) {
	style := text.Style{Color: color.Black, Font: font.From(plot.DefaultFont, size), Handler: plot.DefaultTextHandler, YAlign: text.YTop}
	place.FillText(style, vg.Point{X: place.Min.X, Y: place.Max.Y}, line)
}

// below writes a line at the top of a place, and is what is left of that.
func below(place draw.Canvas, size font.Length, line string) draw.Canvas {
	write(place, size, line)
	return draw.Crop(place, 0, 0, 0, -size*1.5)
}
