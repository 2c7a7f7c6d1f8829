package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// handler answers as Grafana's HTTP API does: https://grafana.com/docs/grafana/v12.4/developer-resources/api-reference/http-api/
func handler(s settings, found *everything) http.Handler {
	door := &door{user: s.of("security", "admin_user"), password: s.of("security", "admin_password")}
	open, closed := http.NewServeMux(), http.NewServeMux()

	open.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"database": "ok", "version": version, "commit": "stand-in"})
	})
	open.HandleFunc("POST /login", door.login)
	open.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) {
		show(w, "<form method=post><input name=user><input name=password type=password></form>")
	})
	open.Handle("/", door.before(closed))

	closed.HandleFunc("GET /api/search", func(w http.ResponseWriter, _ *http.Request) {
		listed := []map[string]any{}
		for _, uid := range found.order {
			one := found.pages[uid]
			listed = append(listed, map[string]any{
				"uid": uid, "title": one.Title, "type": "dash-db", "tags": one.Tags, "url": "/d/" + uid + "/" + uid,
			})
		}
		answer(w, http.StatusOK, listed)
	})
	closed.HandleFunc("GET /api/dashboards/uid/{uid}", func(w http.ResponseWriter, r *http.Request) {
		one, there := found.pages[r.PathValue("uid")]
		if !there {
			answer(w, http.StatusNotFound, map[string]string{"message": "Dashboard not found"})
			return
		}
		answer(w, http.StatusOK, map[string]any{
			"dashboard": one.raw, "meta": map[string]any{"provisioned": true, "canSave": false},
		})
	})
	closed.HandleFunc("GET /api/datasources/uid/{uid}", func(w http.ResponseWriter, r *http.Request) {
		one, there := found.sources[r.PathValue("uid")]
		if !there {
			answer(w, http.StatusNotFound, map[string]string{"message": "Data source not found"})
			return
		}
		answer(w, http.StatusOK, map[string]any{
			"uid": one.UID, "name": one.Name, "type": one.Type, "url": one.URL, "readOnly": !one.Editable,
		})
	})
	for uid, one := range found.sources {
		prefix := "/api/datasources/proxy/uid/" + uid
		closed.Handle(prefix+"/", http.StripPrefix(prefix, behind(one)))
	}
	closed.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		var list strings.Builder
		for _, uid := range found.order {
			fmt.Fprintf(&list, "<li><a href=/d/%s/%s>%s</a>", uid, uid, html.EscapeString(*found.pages[uid].Title))
		}
		show(w, "<p>This stands in for Grafana, and draws nothing.</p><ul>"+list.String()+"</ul>")
	})
	return open
}

// behind hands a question on to a data source, without the password.
func behind(one source) http.Handler {
	target, err := url.Parse(one.URL)
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, err.Error(), http.StatusBadGateway) })
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Authorization")
		r.Out.Header.Del("Cookie")
	}}
}

// door knows who may come in: by a password in each request, or by a session.
type door struct {
	user, password string
	sessions       sync.Map
}

func (d *door) lets(user, password string) bool {
	return subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(d.user+"\x00"+d.password)) == 1
}

func (d *door) login(w http.ResponseWriter, r *http.Request) {
	var given struct{ User, Password string }
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&given) != nil || !d.lets(given.User, given.Password) {
		answer(w, http.StatusUnauthorized, map[string]string{"message": "Invalid username or password"})
		return
	}
	bytes := make([]byte, 16)
	_, _ = rand.Read(bytes)
	session := hex.EncodeToString(bytes)
	d.sessions.Store(session, true)
	http.SetCookie(w, &http.Cookie{Name: "grafana_session", Value: session, Path: "/", HttpOnly: true})
	answer(w, http.StatusOK, map[string]string{"message": "Logged in", "redirectUrl": "/"})
}

func (d *door) before(inside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, given := r.BasicAuth(); given {
			if d.lets(user, password) {
				inside.ServeHTTP(w, r)
				return
			}
			answer(w, http.StatusUnauthorized, map[string]string{"message": "Invalid username or password"})
			return
		}
		if cookie, err := r.Cookie("grafana_session"); err == nil {
			if _, there := d.sessions.Load(cookie.Value); there {
				inside.ServeHTTP(w, r)
				return
			}
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			answer(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
			return
		}
		http.Redirect(w, r, "/login", http.StatusFound)
	})
}

func answer(w http.ResponseWriter, status int, content any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(content)
}

func show(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><title>Grafana</title>%s\n", body)
}
