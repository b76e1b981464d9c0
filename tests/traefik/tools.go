//go:build tools

// Package traefik pins the Traefik that the tests run against: a real one, built from the Go module proxy.
package traefik

import _ "github.com/traefik/traefik/v3/cmd/traefik"
