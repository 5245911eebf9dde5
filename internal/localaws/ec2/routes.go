package ec2

import (
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type route struct {
	CIDR    string `xml:"destinationCidrBlock"`
	Gateway string `xml:"gatewayId"`
	State   string `xml:"state"`
	Origin  string `xml:"origin"`
}

type routeAssociation struct {
	ID         string `xml:"routeTableAssociationId"`
	RouteTable string `xml:"routeTableId"`
	Main       bool   `xml:"main"`
	State      string `xml:"associationState>state"`
}

type routeTableOutput struct {
	ID           string             `xml:"routeTableId"`
	VPCID        string             `xml:"vpcId"`
	OwnerID      string             `xml:"ownerId"`
	Routes       []route            `xml:"routeSet>item"`
	Associations []routeAssociation `xml:"associationSet>item"`
	Tags         []Tag              `xml:"tagSet>item"`
}

type describeRouteTablesInput struct {
	IDs []string `form:"RouteTableId"`
	Query
}

type describeRouteTablesOutput struct {
	Tables    []routeTableOutput `xml:"routeTableSet>item"`
	NextToken string             `xml:"nextToken,omitempty"`
}

// routeTableKind lists VPCs by their one route table, the main one, which no subnet is associated with.
var routeTableKind = kind[*vpc]{
	number: func(v *vpc) int { return v.number },
	id:     func(v *vpc) string { return v.routeTable },
	properties: properties[*vpc]{
		"route-table-id":             one(func(v *vpc) string { return v.routeTable }),
		"vpc-id":                     one(func(v *vpc) string { return v.id }),
		"association.main":           one(func(*vpc) string { return "true" }),
		"association.route-table-id": one(func(v *vpc) string { return v.routeTable }),
		"association.subnet-id":      func(*vpc) []string { return nil },
		"route.gateway-id":           func(v *vpc) []string { return []string{"local", v.gatewayID} },
	},
}

func (n *Network) describeRouteTables(in describeRouteTablesInput) (describeRouteTablesOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	page, next, err := list(n, routeTableKind, n.vpcs, in.IDs, func(id string) error {
		return wire.Errorf("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", id)
	}, in.Query)
	out := describeRouteTablesOutput{NextToken: next}
	for _, v := range page {
		out.Tables = append(out.Tables, routeTableOutput{
			ID: v.routeTable, VPCID: v.id, OwnerID: n.account, Tags: n.tagSet(v.routeTable),
			Routes: []route{
				{CIDR: v.cidr.String(), Gateway: "local", State: "active", Origin: "CreateRouteTable"},
				{CIDR: "0.0.0.0/0", Gateway: v.gatewayID, State: "active", Origin: "CreateRoute"},
			},
			Associations: []routeAssociation{{
				ID: "rtbassoc-" + strings.TrimPrefix(v.routeTable, "rtb-"), RouteTable: v.routeTable, Main: true, State: "associated",
			}},
		})
	}
	return out, err
}

type gatewayAttachment struct {
	VPCID string `xml:"vpcId"`
	State string `xml:"state"`
}

type gatewayOutput struct {
	ID          string              `xml:"internetGatewayId"`
	OwnerID     string              `xml:"ownerId"`
	Attachments []gatewayAttachment `xml:"attachmentSet>item"`
	Tags        []Tag               `xml:"tagSet>item"`
}

type describeInternetGatewaysInput struct {
	IDs []string `form:"InternetGatewayId"`
	Query
}

type describeInternetGatewaysOutput struct {
	Gateways  []gatewayOutput `xml:"internetGatewaySet>item"`
	NextToken string          `xml:"nextToken,omitempty"`
}

var gatewayKind = kind[*vpc]{
	number: func(v *vpc) int { return v.number },
	id:     func(v *vpc) string { return v.gatewayID },
	properties: properties[*vpc]{
		"internet-gateway-id": one(func(v *vpc) string { return v.gatewayID }),
		"attachment.vpc-id":   one(func(v *vpc) string { return v.id }),
		"attachment.state":    one(func(*vpc) string { return "available" }),
	},
}

func (n *Network) describeInternetGateways(in describeInternetGatewaysInput) (describeInternetGatewaysOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	page, next, err := list(n, gatewayKind, n.vpcs, in.IDs, func(id string) error {
		return wire.Errorf("InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist", id)
	}, in.Query)
	out := describeInternetGatewaysOutput{NextToken: next}
	for _, v := range page {
		out.Gateways = append(out.Gateways, gatewayOutput{
			ID: v.gatewayID, OwnerID: n.account, Tags: n.tagSet(v.gatewayID),
			Attachments: []gatewayAttachment{{VPCID: v.id, State: "available"}},
		})
	}
	return out, err
}
