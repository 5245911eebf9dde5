package simulation

import (
	"fmt"
	"hash/fnv"
	"time"
)

// dice draws by name: the same seed and name give the same result, whatever was drawn before.
type dice uint64

// fraction is in [0, 1).
func (d dice) fraction(name ...any) float64 {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, uint64(d), name)
	x := hash.Sum64()
	x ^= x >> 33 // FNV mixes its last bytes badly
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

func (d dice) number(below int, name ...any) int { return int(d.fraction(name...) * float64(below)) }

func (d dice) chance(p float64, name ...any) bool { return d.fraction(name...) < p }

func (d dice) between(low, high time.Duration, name ...any) time.Duration {
	return low + time.Duration(d.fraction(name...)*float64(high-low))
}

func pick[T any](d dice, choices []T, name ...any) T { return choices[d.number(len(choices), name...)] }
