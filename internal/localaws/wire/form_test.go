package wire_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type tag struct {
	Key   string `required:"true"`
	Value *string
}

type paging struct {
	Size *int `form:"PageSize" range:"1,400"`
}

type input struct {
	Name  string `required:"true" range:"1,5"`
	Kind  string `enum:"a,b"`
	Tags  []tag
	Words []string
	On    bool
	paging
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, form string
		dialect    wire.Dialect
		want       input
		wrong      string
	}{
		{name: "scalars", form: "Name=x&Kind=b&On=true&PageSize=7", dialect: wire.ELBv2, want: input{Name: "x", Kind: "b", On: true, paging: paging{new(7)}}},
		{
			name: "lists-in-numeric-order", form: "Name=x&Words.member.10=j&Words.member.9=i&Tags.member.1.Key=k&Tags.member.1.Value=", dialect: wire.ELBv2,
			want: input{Name: "x", Words: []string{"i", "j"}, Tags: []tag{{"k", new("")}}},
		},
		{name: "lists-of-ec2", form: "Name=x&Words.1=i", dialect: wire.EC2, want: input{Name: "x", Words: []string{"i"}}},
		{name: "empty-list", form: "Name=x&Words=", dialect: wire.ELBv2, want: input{Name: "x", Words: []string{}}},
		{name: "protocol-parameters", form: "Action=A&Version=1&Name=x", dialect: wire.ELBv2, want: input{Name: "x"}},
		{
			name: "missing", form: "Kind=a", dialect: wire.ELBv2,
			wrong: "ValidationError: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
		},
		{name: "missing-in-ec2", form: "Kind=a", dialect: wire.EC2, wrong: "MissingParameter: The request must contain the parameter Name"},
		{name: "missing-inside", form: "Name=x&Tags.1.Value=v", dialect: wire.EC2, wrong: "MissingParameter: The request must contain the parameter Tags.1.Key"},
		{
			name: "too-long", form: "Name=123456", dialect: wire.ELBv2,
			wrong: "ValidationError: 1 validation error detected: Value '123456' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5",
		},
		{
			name: "out-of-range", form: "Name=x&PageSize=0", dialect: wire.ELBv2,
			wrong: "ValidationError: 1 validation error detected: Value '0' at 'pageSize' failed to satisfy constraint: Member must have value greater than or equal to 1",
		},
		{
			name: "enum", form: "Name=x&Kind=c", dialect: wire.ELBv2,
			wrong: "ValidationError: 1 validation error detected: Value 'c' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [a, b]",
		},
		{name: "no-number", form: "Name=x&PageSize=many", dialect: wire.ELBv2, wrong: "ValidationError: Value (many) for parameter PageSize is invalid: it must be an integer"},
		{name: "unknown", form: "Name=x&Color=red", dialect: wire.ELBv2, wrong: "ValidationError: The parameter Color is not recognized or not supported"},
		{name: "unknown-inside", form: "Name=x&Tags.1.Key=k&Tags.1.Color=red", dialect: wire.EC2, wrong: "UnknownParameter: The parameter Tags.1.Color is not recognized or not supported"},
		{name: "list-for-scalar", form: "Name=x&On.1=true", dialect: wire.EC2, wrong: "UnknownParameter: The parameter On.1 is not recognized or not supported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			form, err := url.ParseQuery(tt.form)
			if err != nil {
				t.Fatal(err)
			}
			var got input
			wrong := ""
			if err := wire.Decode(tt.dialect, form, &got); err != nil {
				wrong, got = err.Error(), input{}
			}
			if diff := cmp.Diff(tt.wrong, wrong); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(input{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("Name=x&Tags.member.1.Key=k&Words.member.2=b")
	f.Fuzz(func(_ *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		var in input
		_ = wire.Decode(wire.ELBv2, form, &in) // must not panic
	})
}
