package localaws

import (
	"net"
	"sync"
)

// unreachable is a listener without a socket: nobody connects until it is closed.
type unreachable struct {
	once   sync.Once
	closed chan struct{}
}

func newUnreachable() *unreachable { return &unreachable{closed: make(chan struct{})} }

func (u *unreachable) Accept() (net.Conn, error) {
	<-u.closed
	return nil, net.ErrClosed
}

func (u *unreachable) Close() error {
	u.once.Do(func() { close(u.closed) })
	return nil
}

func (u *unreachable) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
