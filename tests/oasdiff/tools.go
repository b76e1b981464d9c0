//go:build tools

// Package oasdiff pins the program that compares the OpenAPI document with the one that was released, built from the Go
// module proxy.
package oasdiff

import _ "github.com/oasdiff/oasdiff"
