package main

import "errors"

// exit ends the command with a code of its own. Without an error, what there is to say has been
// said on stdout.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// codeOf is the exit code that follows an error.
func codeOf(err error) int {
	if e, ok := errors.AsType[exit](err); ok {
		return e.code
	}
	if err != nil {
		return 1
	}
	return 0
}
