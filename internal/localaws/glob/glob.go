// Package glob matches the wildcards of AWS: `*` is any number of characters, `?` exactly one, nothing else is special.
// A backslash, where the caller's syntax has one, takes the meaning from the character behind it.
//
//	glob.Match("*.example.com", "www.example.com") // true
//
// The pattern is walked with one point to come back to, so no pattern makes a match slow.
package glob

// Match reports whether all of s matches pattern.
func Match(pattern, s string) bool { return match(pattern, s, false) }

// MatchEscaped is Match for syntaxes in which `\*` and `\?` stand for the characters themselves.
func MatchEscaped(pattern, s string) bool { return match(pattern, s, true) }

func match(pattern, s string, escapes bool) bool {
	p, i := 0, 0
	star, resume := -1, 0
	for i < len(s) {
		switch width, wild := step(pattern, p, escapes); {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && (wild || pattern[p+width-1] == s[i]):
			p += width
			i++
		case star >= 0: // let the last star take one character more
			resume++
			p, i = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// step says how many bytes of the pattern stand for the next character, and whether any character will do.
func step(pattern string, p int, escapes bool) (width int, wild bool) {
	if p >= len(pattern) {
		return 0, false
	}
	if escapes && pattern[p] == '\\' && p+1 < len(pattern) {
		return 2, false
	}
	return 1, pattern[p] == '?'
}
