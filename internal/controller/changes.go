package controller

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// changes remember of which bindings targets were changed since people were told last.
type changes struct {
	mu   sync.Mutex
	list map[types.NamespacedName]bool
}

func newChanges() *changes { return &changes{list: map[types.NamespacedName]bool{}} }

func (c *changes) note(binding types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list[binding] = true
}

// took reports whether there was a change, and forgets it.
func (c *changes) took(binding types.NamespacedName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.list[binding]
	delete(c.list, binding)
	return changed
}
