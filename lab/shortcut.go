package lab

import (
	"os"
	"path/filepath"
)

// longestNodeDir is what the kernel's limit for names of Unix sockets (107 bytes) leaves for a
// kubelet's directory; the kubelet ends the process when it cannot make one.
const longestNodeDir = 107 - len("/pod-resources/kubelet.sock")

// shortcut returns a path to the lab's state that is short enough for sockets in the directory of
// any node: the path itself, or a link in the directory for temporary files. Remove the second
// result, if there is one, at the end.
func shortcut(state string) (path, remove string, err error) {
	if len(filepath.Join(state, nodeName(98))) <= longestNodeDir {
		return state, "", nil
	}
	temporary, err := os.MkdirTemp("", "sluice-lab-")
	if err != nil {
		return "", "", err
	}
	link := filepath.Join(temporary, "s")
	return link, temporary, os.Symlink(state, link)
}
