// Package image holds Dockerfile, ko's configuration, Makefile and go.mod to the same image: one version of Go, one
// base, one way to build. With -programs it builds the programs as the Dockerfile does, for each architecture, and
// looks whether they are static. It builds no image: that needs a registry.
//
//	go test ./test/image -programs
package image
