package elbv2

import (
	"reflect"
	"sync"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Frozen is the service as it is now and will stay: its reading operations answer with this moment's state, the health
// of the targets included. Operations that change something must not be called on it.
//
// The copy is made by reflection, because the state is a graph that grows with every feature, and a field that somebody
// forgot to copy would let the present leak into the past.
func (s *Service) Frozen() wire.Service { return s.frozen().API() }

func (s *Service) frozen() *Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	past := &Service{Config: s.Config}
	c := copier{}
	from, to := reflect.ValueOf(s).Elem(), reflect.ValueOf(past).Elem()
	for i := range from.NumField() {
		if kind := from.Field(i).Type(); kind != reflect.TypeFor[sync.Mutex]() && kind != reflect.TypeFor[Config]() {
			exposed(to.Field(i)).Set(c.deep(exposed(from.Field(i))))
		}
	}
	return past
}

// copier copies what is declared in this package all the way down, and shares everything else: it does not change.
type copier map[any]reflect.Value // copies by the pointers that they were made of, since the state has cycles

var ours = reflect.TypeFor[Service]().PkgPath()

func (c copier) deep(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		return c.pointer(v)
	case reflect.Struct:
		return c.structure(v)
	case reflect.Slice:
		return c.slice(v)
	case reflect.Map:
		return c.table(v)
	case reflect.Interface:
		if !v.IsNil() {
			return c.deep(v.Elem())
		}
	default: // values, which nobody shares
	}
	return v
}

func (c copier) pointer(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	switch live := v.Interface().(type) {
	case *balancer.Target:
		return reflect.ValueOf(live.Frozen())
	case *balancer.Group:
		return reflect.ValueOf(live.Frozen())
	}
	if v.Type().Elem().PkgPath() != ours {
		return v
	}
	if made, ok := c[v.Interface()]; ok {
		return made
	}
	made := reflect.New(v.Type().Elem())
	c[v.Interface()] = made
	made.Elem().Set(c.deep(v.Elem()))
	return made
}

func (c copier) structure(v reflect.Value) reflect.Value {
	if path := v.Type().PkgPath(); path != ours && path != "" {
		return v
	}
	made := reflect.New(v.Type()).Elem()
	made.Set(v)
	for _, field := range made.Fields() {
		open := exposed(field)
		open.Set(c.deep(open))
	}
	return made
}

func (c copier) slice(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	made := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		made.Index(i).Set(c.deep(v.Index(i)))
	}
	return made
}

func (c copier) table(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	made := reflect.MakeMapWithSize(v.Type(), v.Len())
	for entries := v.MapRange(); entries.Next(); {
		made.SetMapIndex(entries.Key(), c.deep(entries.Value()))
	}
	return made
}

// exposed lets reflection read and write a field that is not exported; this package's own fields are no secret to it.
func exposed(field reflect.Value) reflect.Value {
	return reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem()
}
