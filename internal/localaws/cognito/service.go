// Package cognito is what Elastic Load Balancing reads of Amazon Cognito: the clients of user pools. They are seeded.
//
//	service := cognito.New()
//	err := service.Add(cognito.Client{PoolID: "us-west-2_abc", ID: "1example23456789", Name: "web"})
package cognito

import (
	"fmt"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Client is an app client of a user pool to start with.
type Client struct {
	PoolID, ID, Name, Secret string
	CallbackURLs             []string
	Scopes                   []string // default openid
}

// Service is the clients of one account and Region.
type Service struct {
	mu      sync.Mutex
	started time.Time
	clients []Client
}

// New returns a service without clients.
func New() *Service { return &Service{started: time.Now()} }

// Add seeds a client.
func (s *Service) Add(c Client) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.clients {
		if have.PoolID == c.PoolID && have.ID == c.ID {
			return fmt.Errorf("client %s of user pool %s is there already", c.ID, c.PoolID)
		}
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid"}
	}
	s.clients = append(s.clients, c)
	return nil
}

// API is the operations of the service.
func (s *Service) API() wire.Service {
	return wire.Service{Dialect: wire.JSON("AWSCognitoIdentityProviderService", "InvalidParameterException"), Operations: map[string]wire.Operation{
		"DescribeUserPoolClient": wire.Op(s.describe),
	}}
}

type describeInput struct {
	PoolID   string `form:"UserPoolId" required:"true" range:"1,55"`
	ClientID string `form:"ClientId" required:"true" range:"1,128"`
}

type describeOutput struct {
	Client shownClient `json:"UserPoolClient"`
}

type shownClient struct {
	PoolID       string      `json:"UserPoolId"`
	Name         string      `json:"ClientName"`
	ID           string      `json:"ClientId"`
	Secret       string      `json:"ClientSecret,omitempty"`
	Modified     *wire.Epoch `json:"LastModifiedDate"`
	Created      *wire.Epoch `json:"CreationDate"`
	Providers    []string    `json:"SupportedIdentityProviders"`
	CallbackURLs []string    `json:"CallbackURLs"`
	Flows        []string    `json:"AllowedOAuthFlows"`
	Scopes       []string    `json:"AllowedOAuthScopes"`
	ForPool      bool        `json:"AllowedOAuthFlowsUserPoolClient"`
}

func (s *Service) describe(in describeInput) (describeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hasPool := false
	for _, c := range s.clients {
		hasPool = hasPool || c.PoolID == in.PoolID
		if c.PoolID == in.PoolID && c.ID == in.ClientID {
			return describeOutput{shownClient{
				PoolID: c.PoolID, Name: c.Name, ID: c.ID, Secret: c.Secret, Modified: wire.When(s.started), Created: wire.When(s.started),
				Providers: []string{"COGNITO"}, CallbackURLs: c.CallbackURLs, Flows: []string{"code"}, Scopes: c.Scopes, ForPool: true,
			}}, nil
		}
	}
	if !hasPool {
		return describeOutput{}, wire.Errorf("ResourceNotFoundException", "User pool %s does not exist.", in.PoolID)
	}
	return describeOutput{}, wire.Errorf("ResourceNotFoundException", "User pool client %s does not exist.", in.ClientID)
}
