// Stands in for nickfedor/watchtower, whose modules no proxy serves: the same settings, the same requests to
// Docker and the same probes. It looks at the same time and reports what it looked at; whether a registry has
// a newer image it does not ask.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const version = "1.20.3"

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) > 1 && os.Args[1] == "--version":
		fmt.Println("watchtower version v" + version)
	case len(os.Args) > 1 && os.Args[1] == "--health-check":
		if os.Getpid() == 1 {
			log.Fatal("The health check flag should never be passed to the main watchtower container process")
		}
	case len(os.Args) > 1:
		log.Fatalf("unknown flag: %s", os.Args[1])
	default:
		if err := watch(); err != nil {
			log.Fatal(err)
		}
	}
}

func watch() error {
	if os.Getenv("WATCHTOWER_MONITOR_ONLY") != "true" {
		return errors.New("WATCHTOWER_MONITOR_ONLY must be true: the stand-in replaces nothing")
	}
	next, err := schedule(os.Getenv("WATCHTOWER_SCHEDULE"))
	if err != nil {
		return err
	}
	docker, err := dial(os.Getenv("DOCKER_HOST"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if os.Getenv("WATCHTOWER_HTTP_API_ENDPOINTS") == "health" {
		go probes(docker)
	}
	log.Printf("level=info msg=\"Watchtower v%s (stand-in)\"", version)
	for {
		at := next(time.Now().UTC())
		log.Printf("level=info msg=\"Next scheduled run: %s\"", at.Format(time.RFC3339))
		select {
		case <-ctx.Done():
			log.Print("level=info msg=\"Waiting for running update to be finished...\"")
			return nil
		case <-time.After(time.Until(at)):
			if err := docker.session(ctx); err != nil {
				log.Printf("level=error msg=%q", err)
			}
		}
	}
}

// schedule reads a time of each day: second, minute, hour, and three stars.
func schedule(text string) (func(time.Time) time.Time, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 || strings.Join(fields[3:], "") != "***" {
		return nil, fmt.Errorf("WATCHTOWER_SCHEDULE=%q: the stand-in knows daily times only (SS MM HH * * *)", text)
	}
	var at [3]int
	for i, limit := range []int{60, 60, 24} {
		number, err := strconv.Atoi(fields[i])
		if err != nil || number < 0 || number >= limit {
			return nil, fmt.Errorf("WATCHTOWER_SCHEDULE=%q: %s is no number below %d", text, fields[i], limit)
		}
		at[i] = number
	}
	return func(now time.Time) time.Time {
		next := time.Date(now.Year(), now.Month(), now.Day(), at[2], at[1], at[0], 0, time.UTC)
		if !next.After(now) {
			next = next.AddDate(0, 0, 1)
		}
		return next
	}, nil
}

type daemon struct {
	client *http.Client
	base   string
}

func dial(host string) (*daemon, error) {
	address, err := url.Parse(host)
	if err != nil || (address.Scheme != "tcp" && address.Scheme != "unix") {
		return nil, fmt.Errorf("DOCKER_HOST=%q: must be tcp://host:port or unix:///path", host)
	}
	if address.Scheme == "tcp" {
		return &daemon{&http.Client{Timeout: 10 * time.Second}, "http://" + address.Host}, nil
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", address.Path)
	}}
	return &daemon{&http.Client{Timeout: 10 * time.Second, Transport: transport}, "http://docker"}, nil
}

func (d *daemon) ask(ctx context.Context, method, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, d.base+path, nil)
	if err != nil {
		return err
	}
	answer, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func (d *daemon) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return d.ask(ctx, http.MethodHead, "/_ping", nil)
}

// session asks what the original asks of Docker when it looks for newer images.
func (d *daemon) session(ctx context.Context) error {
	var containers []struct {
		ID      string `json:"Id"`
		ImageID string
		Labels  map[string]string
	}
	if err := d.ask(ctx, http.MethodGet, "/containers/json", &containers); err != nil {
		return err
	}
	scanned := 0
	for _, container := range containers {
		if container.Labels["com.centurylinklabs.watchtower.enable"] != "true" {
			continue
		}
		for _, path := range []string{"/containers/" + container.ID + "/json", "/images/" + container.ImageID + "/json"} {
			if err := d.ask(ctx, http.MethodGet, path, nil); err != nil {
				return err
			}
		}
		scanned++
	}
	log.Printf("level=info msg=\"Update session completed\" scanned=%d updated=0 failed=0", scanned)
	return nil
}

// probes serves what internal/api/handlers/health of the original does: alive, and ready if Docker answers.
func probes(docker *daemon) {
	alive := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "OK") }
	http.HandleFunc("/livez", alive)
	http.HandleFunc("/startupz", alive)
	http.HandleFunc("/readyz", func(w http.ResponseWriter, request *http.Request) {
		if docker.ping(request.Context()) != nil {
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
			return
		}
		alive(w, request)
	})
	address := net.JoinHostPort(os.Getenv("WATCHTOWER_HTTP_API_HOST"), os.Getenv("WATCHTOWER_HTTP_API_PORT"))
	log.Fatal(http.ListenAndServe(address, nil))
}
