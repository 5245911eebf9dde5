package localaws

import "github.com/sluice-lb/sluice/internal/localaws/wire"

type callerIdentity struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

// stsService says who one is. Credentials are not checked, so everybody is the same user.
func stsService(account string) wire.Service {
	return wire.Service{Dialect: wire.STS, Operations: map[string]wire.Operation{
		"GetCallerIdentity": wire.Op(func(wire.Empty) (callerIdentity, error) {
			return callerIdentity{
				ARN: "arn:aws:iam::" + account + ":user/local", UserID: "AIDAAAAAAAAAAAAAAAAAA", Account: account,
			}, nil
		}),
	}}
}
