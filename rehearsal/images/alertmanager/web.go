// Package ui has no web interface: the module has the sources of its pages, and what is built of them only a release has.
//
// Laid over the module's ui/web.go (`overlay` in rehearsal/images/catalogue.py), which embeds them.
package ui

import (
	"net/http"

	"github.com/prometheus/common/route"
)

// Register registers what a page would be at, with an answer that says why there is none.
func Register(r *route.Router) {
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "this stand-in has no web interface; its API is whole", http.StatusNotFound)
	})
}
