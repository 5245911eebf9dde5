package cri

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// output writes lines in the format that the kubelet reads for `kubectl logs`. It opens the file
// for each line, so that rotation needs nothing of us.
type output struct {
	mu   sync.Mutex
	path string
}

// newOutput creates the file at once: the kubelet expects it as soon as a container has started.
func newOutput(path string) (io.Writer, error) {
	if path == "" {
		return io.Discard, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	out := &output{path: path}
	_, err := out.Write(nil)
	return out, err
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	file, err := os.OpenFile(o.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	now := time.Now().Format(time.RFC3339Nano)
	for line := range bytes.Lines(text) {
		if _, err := fmt.Fprintf(file, "%s stdout F %s\n", now, bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

func removeLog(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReopenContainerLog implements the runtime service; see output.
func (r *Runtime) ReopenContainerLog(context.Context, string) error { return nil }
