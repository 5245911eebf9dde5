package bench

import (
	"testing"
	"time"
)

func TestTrendIsOfTheLastProcess(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(p process, minute int, goroutines float64) soakSample {
		return soakSample{process: p, at: began.Add(time.Duration(minute) * time.Minute), goroutines: goroutines}
	}
	samples := []soakSample{at(1, 0, 900), at(1, 5, 1000), at(2, 10, 200), at(2, 20, 210), at(2, 40, 230)}
	got := newSoakReport(time.Hour, 5, 1, &TrafficReport{}, samples).Goroutines
	if want := (Trend{First: 200, Last: 230, PerHour: 60}); got != want {
		t.Errorf("the trend is %+v, want %+v", got, want)
	}
	if got := newSoakReport(time.Hour, 0, 0, &TrafficReport{}, nil).Goroutines; got != (Trend{}) {
		t.Errorf("of nothing the trend is %+v", got)
	}
}
