// Package ext stands in for Traefik's private extension point, which its public modules import.
package ext

// HTTP extends the dynamic configuration's http section.
type HTTP struct{}

// Router extends a router.
type Router struct{}
