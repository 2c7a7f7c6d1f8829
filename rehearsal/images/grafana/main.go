// Stands in for grafana/grafana, whose image and sources are not to be had everywhere: it reads the same configuration
// and the same provisioned files, holds each page against the types that Grafana publishes of its schema, and refuses
// what these do not know. It asks for the same password, and answers for health, search, pages, and for what a data
// source says. It draws nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const version = "12.4.12"

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 || os.Args[1] != "server" {
		log.Fatal("usage: grafana server [-v] --homepath=FOLDER --config=FILE --packaging=docker")
	}
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	tell := flags.Bool("v", false, "")
	home := flags.String("homepath", "", "")
	file := flags.String("config", "", "")
	flags.String("packaging", "", "")
	_ = flags.Parse(os.Args[2:])
	if *tell {
		fmt.Printf("Version %s (commit: stand-in, branch: HEAD)\n", version)
		return
	}
	if err := serve(*home, *file); err != nil {
		log.Fatalf(`{"level":"error","logger":"server","msg":%q}`, err.Error())
	}
}

func serve(home, file string) error {
	if _, err := os.Stat(home); err != nil {
		return fmt.Errorf("homepath: %w", err)
	}
	settings, err := read(file)
	if err != nil {
		return err
	}
	data := os.Getenv("GF_PATHS_DATA")
	// Its database: where that cannot be written Grafana ends.
	if err := os.WriteFile(filepath.Join(data, "grafana.db"), nil, 0o640); err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	found, err := provisioned(os.Getenv("GF_PATHS_PROVISIONING"))
	if err != nil {
		return err
	}
	if path := settings.of("dashboards", "default_home_dashboard_path"); path != "" {
		if _, err := readPage(path, found.sources); err != nil {
			return fmt.Errorf("default_home_dashboard_path: %w", err)
		}
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{
		Addr:              net.JoinHostPort("", settings.of("server", "http_port")),
		Handler:           handler(settings, found),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	log.Printf(`{"level":"info","logger":"http.server","msg":"HTTP Server Listen","address":%q}`, server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}
