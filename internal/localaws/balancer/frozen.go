package balancer

// Frozen is the target as it is now: its Health never changes. It belongs to no group and gets no requests.
func (t *Target) Frozen() *Target {
	return &Target{Addr: t.Addr, group: &Group{}, health: t.Health()}
}

// Frozen is the group as it is now, without its targets: only Serving can be asked of it.
func (g *Group) Frozen() *Group {
	frozen := &Group{}
	if g.Serving() {
		frozen.serving = 1
	}
	return frozen
}
