package address

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// FreePort returns a port that nobody listens on at addr, the wanted one if possible. Nothing holds
// it, which is safe at addresses of one's own block: only this lab listens there.
func FreePort(addr netip.Addr, wanted int) (int, error) {
	listener, err := net.Listen("tcp4", net.JoinHostPort(addr.String(), strconv.Itoa(wanted)))
	if err != nil {
		listener, err = net.Listen("tcp4", net.JoinHostPort(addr.String(), "0"))
	}
	if err != nil {
		return 0, fmt.Errorf("finding a free port at %s: %w", addr, err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
