package cloud

import (
	"math"
	"time"
)

// pace is how much of a bucket's share is used: all of it, unless AWS has throttled
// lately. It falls at once and comes back along a cubic curve: fast to just below where it
// was throttled, slowly past that, then faster. So budgets that share an account find
// their places with few throttled answers; the adaptive mode of AWS's own SDKs does the
// same ("Retry behavior", AWS SDKs and Tools Reference Guide), with numbers for a
// client that is alone.
type pace struct {
	scale     float64   // in use now, (0–1]
	ceiling   float64   // where AWS throttled last
	lowest    float64   // where the curve begins
	throttled time.Time // when it begins; zero: AWS has never throttled
	streak    int       // throttled answers since the last good one
}

const (
	paceDrop = 0.6 // of the scale is left after a throttled answer
	// paceCurve gives a lone throttled answer back in two minutes. Four budgets and a
	// stranger on one account see less than 2 % of their calls throttled with it
	// (TestBudgetsShareAnAccount); ten times as steep, they see 4 %.
	paceCurve = 2e-7
	paceFloor = 0.02
	// Where nothing comes through at all, somebody else has used the account up. That says
	// nothing about our place in it: we ask at a fifth of our pace whether it is over, and
	// then go on nearly where we were.
	paceProbe, paceResume = 0.2, 0.9
	// oneBurst: throttled answers this close together have one cause.
	oneBurst = time.Second
)

func newPace() *pace { return &pace{scale: 1, ceiling: 1} }

// drop follows a throttled answer.
func (p *pace) drop(now time.Time) {
	if !p.throttled.IsZero() && now.Sub(p.throttled) < oneBurst {
		return
	}
	p.follow(now)
	p.streak++
	if p.streak == 1 {
		ceiling := p.scale
		if ceiling < p.ceiling {
			ceiling *= (1 + paceDrop) / 2 // somebody has joined: leave him room
		}
		p.ceiling = ceiling
	}
	p.begin(max(paceFloor, paceProbe*p.ceiling, p.scale*paceDrop), now)
}

// pass follows a good answer.
func (p *pace) pass(now time.Time) {
	if p.streak > 1 {
		p.begin(max(p.scale, paceResume*p.ceiling), now)
	}
	p.streak = 0
}

func (p *pace) begin(scale float64, now time.Time) {
	p.scale, p.lowest, p.throttled = scale, scale, now
}

// follow moves the scale along its curve.
func (p *pace) follow(now time.Time) {
	if p.throttled.IsZero() {
		return
	}
	back := math.Cbrt(max(0, p.ceiling-p.lowest) / paceCurve) // seconds until the ceiling is reached again
	p.scale = min(1, max(p.lowest, paceCurve*math.Pow(now.Sub(p.throttled).Seconds()-back, 3)+p.ceiling))
}
