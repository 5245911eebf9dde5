package balancer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// The cookies of a load balancer ("Sticky sessions for your Application Load Balancer", ALB guide). Each CORS twin says
// the same for requests from other sites. All live for seven days; how long a client really stays is inside them.
const (
	targetCookie  = "AWSALB"
	appCookie     = "AWSALBAPP-0"
	groupCookie   = "AWSALBTG"
	twin          = "CORS"
	cookiesLive   = 7 * 24 * time.Hour
	ticketMinimum = 16 // time and group
)

// ticket is what a cookie says: this client stays with that group, or with that target of it, until then.
type ticket struct {
	until  time.Time
	group  uint64
	target netip.AddrPort // not valid in a group's cookie
}

// newSealer makes the cipher of one data plane's cookies, which nobody else can read or make.
func newSealer() cipher.AEAD {
	var key [16]byte
	_, _ = rand.Read(key[:])                         // it never fails, it crashes the program
	block, _ := aes.NewCipher(key[:])                // a key of 16 bytes is right
	sealer, _ := cipher.NewGCMWithRandomNonce(block) // so is AES
	return sealer
}

func (p *Plane) seal(t ticket) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(t.until.UnixMilli()))
	plain = binary.BigEndian.AppendUint64(plain, t.group)
	if t.target.IsValid() {
		plain, _ = t.target.AppendBinary(plain) // it has no error
	}
	return base64.RawURLEncoding.EncodeToString(p.sealer.Seal(nil, nil, plain, nil))
}

// unseal reads a cookie. One that is forged or too old says nothing.
func (p *Plane) unseal(value string) (ticket, bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return ticket{}, false
	}
	plain, err := p.sealer.Open(nil, nil, sealed, nil)
	if err != nil || len(plain) < ticketMinimum {
		return ticket{}, false
	}
	t := ticket{until: time.UnixMilli(int64(binary.BigEndian.Uint64(plain))), group: binary.BigEndian.Uint64(plain[8:])}
	if len(plain) > ticketMinimum && t.target.UnmarshalBinary(plain[ticketMinimum:]) != nil {
		return ticket{}, false
	}
	return t, time.Now().Before(t.until)
}

// kept is what the client's cookie of that name, or its twin, says.
func (p *Plane) kept(r *http.Request, name string) (ticket, bool) {
	for _, n := range []string{name, name + twin} {
		for _, cookie := range r.CookiesNamed(n) {
			if t, ok := p.unseal(cookie.Value); ok {
				return t, true
			}
		}
	}
	return ticket{}, false
}

// chooseGroup is the group of the client's cookie as long as the action has it, whatever its weight has become;
// otherwise the next.
func (x *exchange) chooseGroup(action *Forward, r *http.Request) *Group {
	if action.Stickiness == 0 || len(action.Groups) == 0 {
		return action.pick()
	}
	plane := action.Groups[0].Group.plane
	var group *Group
	if t, ok := plane.kept(r, groupCookie); ok {
		for _, g := range action.Groups {
			if g.Group.number == t.group {
				group = g.Group
			}
		}
	}
	if group == nil {
		group = action.pick()
	}
	if group != nil {
		x.hand(groupCookie, plane.seal(ticket{until: time.Now().Add(action.Stickiness), group: group.number}))
	}
	return group
}

// chooseTarget is the target of the client's cookie as long as it gets requests at all, otherwise the next.
func (x *exchange) chooseTarget(g *Group, settings *Settings, r *http.Request) *Target {
	sticky := &settings.Stickiness
	switch sticky.Type {
	case LBCookie:
		target := g.stayed(r, targetCookie)
		if target == nil {
			target = g.pick()
		}
		if target != nil {
			x.hand(targetCookie, g.ticketFor(target, sticky.Duration))
		}
		return target
	case AppCookie:
		x.byApp = sticky
		if len(r.CookiesNamed(sticky.Cookie)) > 0 { // both cookies are needed
			if target := g.stayed(r, appCookie); target != nil {
				x.cookies = append(x.cookies, newCookie(appCookie, g.ticketFor(target, sticky.Duration)))
				x.byApp = nil
				return target
			}
		}
	}
	return g.pick()
}

func (g *Group) stayed(r *http.Request, cookie string) *Target {
	t, ok := g.plane.kept(r, cookie)
	if !ok || t.group != g.number {
		return nil
	}
	eligible := g.eligible.Load().targets
	if i := slices.IndexFunc(eligible, func(e *Target) bool { return e.Addr == t.target }); i >= 0 {
		return eligible[i]
	}
	return nil
}

func (g *Group) ticketFor(t *Target, stay time.Duration) string {
	return g.plane.seal(ticket{until: time.Now().Add(stay), group: g.number, target: t.Addr})
}

// hand gives the client a cookie and its twin.
func (x *exchange) hand(name, value string) {
	cors := newCookie(name+twin, value)
	cors.SameSite, cors.Secure = http.SameSiteNoneMode, true
	x.cookies = append(x.cookies, newCookie(name, value), cors)
}

func newCookie(name, value string) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", Expires: time.Now().Add(cookiesLive)}
}

// stay puts the load balancer's cookies beside those of the target.
func (x *exchange) stay(answer *http.Response) {
	if x.byApp != nil && slices.ContainsFunc(answer.Cookies(), func(c *http.Cookie) bool { return c.Name == x.byApp.Cookie }) {
		x.cookies = append(x.cookies, newCookie(appCookie, x.target.group.ticketFor(x.target, x.byApp.Duration)))
	}
	for _, cookie := range x.cookies {
		answer.Header.Add("Set-Cookie", cookie.String())
	}
}
