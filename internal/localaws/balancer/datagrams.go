package balancer

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// flows is the UDP side of one listener: each client address has a socket of its own towards its target.
type flows struct {
	front  *Front
	port   int
	socket *net.UDPConn

	mu   sync.Mutex
	open map[netip.AddrPort]net.Conn
}

const maxDatagram = 64 << 10

// serve passes datagrams until the socket is closed.
func (u *flows) serve() {
	defer u.end()
	buffer := make([]byte, maxDatagram)
	for {
		n, client, err := u.socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if back := u.to(client); back != nil {
			_, _ = back.Write(buffer[:n]) // a datagram may get lost
		}
	}
}

func (u *flows) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, back := range u.open {
		_ = back.Close()
	}
}

// to is the socket towards the target of a client, made with the client's first datagram.
func (u *flows) to(client netip.AddrPort) net.Conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	if back := u.open[client]; back != nil {
		return back
	}
	target := u.front.now.Load().table.Streams[u.port].target(net.UDPAddrFromAddrPort(client))
	if target == nil {
		return nil
	}
	back, err := (&quietDialer{idle: datagramIdle}).dial(u.front.ctx, "udp", target.address().String())
	if err != nil {
		return nil
	}
	u.open[client] = back
	release := target.hold(back)
	u.front.plane.work.Go(func() {
		defer release()
		u.back(client, back)
	})
	return back
}

// back passes the target's datagrams to the client until the flow is silent for too long or closed.
func (u *flows) back(client netip.AddrPort, back net.Conn) {
	defer context.AfterFunc(u.front.ctx, func() { _ = back.Close() })()
	buffer := make([]byte, maxDatagram)
	for {
		n, err := back.Read(buffer)
		if err != nil {
			break
		}
		_, _ = u.socket.WriteToUDPAddrPort(buffer[:n], client)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.open[client] == back {
		delete(u.open, client)
	}
}

// listenUDP binds as bind does.
func (f *Front) listenUDP(port int) (*net.UDPConn, error) {
	at := func(port int) *net.UDPAddr {
		return net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.ip, uint16(port)))
	}
	socket, err := net.ListenUDP("udp", at(port))
	if err != nil && port < privileged {
		return net.ListenUDP("udp", at(port+f.plane.portOffset))
	}
	return socket, err
}
