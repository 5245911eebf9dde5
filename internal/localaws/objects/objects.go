// Package objects is the few S3 objects that Elastic Load Balancing reads: bundles of CA certificates and revocation
// lists. There is no S3 API; objects are seeded, and can be fetched again over HTTP at the address that URL gives.
//
//	store := objects.New("http://127.0.0.1:1234/_localaws/objects/")
//	store.Put("bucket", "ca.pem", bundle)
package objects

import (
	"net/url"
	"slices"
	"sync"
)

// Store holds objects by bucket and key.
type Store struct {
	base string

	mu      sync.Mutex
	content map[[2]string][]byte
}

// New returns an empty store, which somebody serves below the base.
func New(base string) *Store { return &Store{base: base, content: map[[2]string][]byte{}} }

// Put adds or replaces an object.
func (s *Store) Put(bucket, key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content[[2]string{bucket, key}] = slices.Clone(content)
}

// Get finds an object.
func (s *Store) Get(bucket, key string) (content []byte, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, found = s.content[[2]string{bucket, key}]
	return content, found
}

// URL is where an object can be fetched.
func (s *Store) URL(bucket, key string) string {
	return s.base + url.PathEscape(bucket) + "/" + url.PathEscape(key)
}
