package awsconformance

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// inOrder walks a table in the order of its keys, so that results always come in one order.
func inOrder[K cmp.Ordered, V any](table map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(table)) {
			if !yield(key, table[key]) {
				return
			}
		}
	}
}
