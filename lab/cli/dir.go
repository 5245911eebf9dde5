package cli

import (
	"errors"
	"slices"
	"strings"
)

// takeDir takes --dir DIR or --dir=DIR out of arguments that are otherwise another program's, and
// says whether --help was the first word. Everything after "--" is the other program's.
func takeDir(args []string) (dir string, rest []string, err error) {
	dir = defaultDir
	for i := 0; i < len(args); i++ {
		switch value, found := strings.CutPrefix(args[i], "--dir="); {
		case args[i] == "--":
			return dir, append(rest, args[i:]...), nil
		case found:
			dir = value
		case args[i] == "--dir":
			if i++; i == len(args) {
				return "", nil, errors.New("--dir wants a directory")
			}
			dir = args[i]
		default:
			rest = append(rest, args[i])
		}
	}
	return dir, rest, nil
}

// asksForHelp is for commands whose flags belong to another program: only as the first word it is ours.
func asksForHelp(args []string) bool {
	return len(args) == 0 || slices.Contains([]string{"--help", "-h", "help"}, args[0])
}
