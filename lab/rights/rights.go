// Package rights proves what Sluice may do: that it suffices, and that every line of it is needed.
//
// A lab writes down what Sluice's accounts asked for, of AWS (iam.go) and of the API server (audit.go), and what became of it:
// each kind of request once, without names that are different in every lab. In go such records and the documents; out come
// the requests that were denied, and the lines of the documents without which every request would still have been allowed.
//
//	denied, unneeded := rights.DeniedCalls(calls), rights.UnneededLines(documents, calls)
//
// Unneeded is found by leaving out one line after the other, so that nothing stands in a document because somebody meant it well.
package rights

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// read calls f with each line of a file, which may not be there.
func read[T any](file string, f func(T)) error {
	open, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer open.Close()
	for lines := bufio.NewReader(open); ; {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // a last line without an end was cut off when the lab was killed
		}
		if err != nil {
			return err
		}
		var line T
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		f(line)
	}
}
