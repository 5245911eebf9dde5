package localaws

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// tokens is STS: it says who one is and gives credentials for any role. Credentials are not checked anywhere; the journal
// tells under which role a call came. What a role may do is said with the principal that assumes it.
type tokens struct {
	account string
	random  func() uint64

	mu    sync.Mutex
	roles map[string]string // ARNs by the id of the access key
}

// role is the ARN of the role whose credentials signed a call, or "".
func (t *tokens) role(r *http.Request) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.roles[keyOf(r)]
}

func (t *tokens) service() wire.Service {
	return wire.Service{Dialect: wire.STS, Operations: map[string]wire.Operation{
		"GetCallerIdentity":         wire.Op(t.callerIdentity),
		"AssumeRole":                wire.Op(t.assumeRole),
		"AssumeRoleWithWebIdentity": wire.Op(t.assumeRoleWithWebIdentity),
	}}
}

type callerIdentity struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

func (t *tokens) callerIdentity(wire.Empty) (callerIdentity, error) {
	return callerIdentity{ARN: "arn:aws:iam::" + t.account + ":user/local", UserID: "AIDAAAAAAAAAAAAAAAAAA", Account: t.account}, nil
}

type roleInput struct {
	Role     string `form:"RoleArn" required:"true" range:"20,2048"`
	Session  string `form:"RoleSessionName" required:"true" range:"2,64"`
	Policy   string
	Policies []struct {
		ARN string `form:"arn"`
	} `form:"PolicyArns"`
	Seconds *int `form:"DurationSeconds" range:"900,43200"`
}

type assumeRoleInput struct {
	roleInput
	ExternalID string `form:"ExternalId" range:"2,1224"`
	Tags       []struct {
		Key   string `required:"true" range:"1,128"`
		Value string `range:"0,256"`
	}
	Transitive     []string `form:"TransitiveTagKeys"`
	SourceIdentity string   `range:"2,64"`
}

type roleOutput struct {
	Credentials struct {
		ID         string `xml:"AccessKeyId"`
		Secret     string `xml:"SecretAccessKey"`
		Token      string `xml:"SessionToken"`
		Expiration string `xml:"Expiration"`
	} `xml:"Credentials"`
	User struct {
		ID  string `xml:"AssumedRoleId"`
		ARN string `xml:"Arn"`
	} `xml:"AssumedRoleUser"`
	PackedPolicySize int
	Subject          string `xml:"SubjectFromWebIdentityToken,omitempty"`
	Audience         string `xml:"Audience,omitempty"`
	Provider         string `xml:"Provider,omitempty"`
}

var rolePattern = regexp.MustCompile(`^arn:[\w-]+:iam::(\d{12}):role/(.*/)?([\w+=,.@-]+)$`)

// assume gives credentials for a role of any account.
func (t *tokens) assume(in roleInput) (roleOutput, error) {
	var out roleOutput
	role := rolePattern.FindStringSubmatch(in.Role)
	if role == nil {
		return out, wire.Errorf("ValidationError", "%s is invalid", in.Role)
	}
	lifetime := time.Hour // API reference: the default
	if in.Seconds != nil {
		lifetime = time.Duration(*in.Seconds) * time.Second
	}
	out.Credentials.ID = strings.ToUpper(fmt.Sprintf("ASIA%016x", t.random()))
	t.mu.Lock()
	if t.roles == nil {
		t.roles = map[string]string{}
	}
	t.roles[out.Credentials.ID] = in.Role
	t.mu.Unlock()
	out.Credentials.Secret = fmt.Sprintf("%016x%016x", t.random(), t.random())
	out.Credentials.Token = fmt.Sprintf("%016x%016x%016x", t.random(), t.random(), t.random())
	out.Credentials.Expiration = time.Now().Add(lifetime).UTC().Format(time.RFC3339)
	out.User.ID = strings.ToUpper(fmt.Sprintf("AROA%017x", t.random())) + ":" + in.Session
	out.User.ARN = "arn:aws:sts::" + role[1] + ":assumed-role/" + role[3] + "/" + in.Session
	return out, nil
}

func (t *tokens) assumeRole(in assumeRoleInput) (roleOutput, error) { return t.assume(in.roleInput) }

type webIdentityInput struct {
	roleInput
	Token      string `form:"WebIdentityToken" required:"true" range:"4,20000"`
	ProviderID string `form:"ProviderId"`
}

// claims is what is read of a token. Its signature is not verified: there is no identity provider to ask for the key.
type claims struct {
	Subject  string `json:"sub"`
	Issuer   string `json:"iss"`
	Audience any    `json:"aud"` // a string or a list of them
	Expires  int64  `json:"exp"`
}

func (t *tokens) assumeRoleWithWebIdentity(in webIdentityInput) (roleOutput, error) {
	var c claims
	parts := strings.Split(in.Token, ".")
	if len(parts) != 3 || decodeClaims(parts[1], &c) != nil || c.Subject == "" {
		return roleOutput{}, wire.Errorf("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	if c.Expires != 0 && time.Now().Unix() > c.Expires {
		return roleOutput{}, &wire.Error{Status: http.StatusBadRequest, Code: "ExpiredTokenException", Message: "Token expired: current date/time must be before the expiration date/time"}
	}
	out, err := t.assume(in.roleInput)
	if err != nil {
		return out, err
	}
	out.Subject, out.Provider = c.Subject, c.Issuer
	switch audience := c.Audience.(type) {
	case string:
		out.Audience = audience
	case []any:
		if len(audience) > 0 {
			out.Audience = fmt.Sprint(audience[0])
		}
	}
	return out, nil
}

func decodeClaims(part string, into *claims) error {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
