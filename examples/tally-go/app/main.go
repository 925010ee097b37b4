// Tally greets each visitor with a number. On a server it serves on the socket that systemd hands over, or where PORT or
// SOCKET_PATH says; without any of them, on port 8080.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

var visitors atomic.Int64

func listen() (net.Listener, error) {
	if os.Getenv("LISTEN_FDS") != "" {
		// The first file descriptor that systemd hands over (sd_listen_fds(3)).
		return net.FileListener(os.NewFile(3, "systemd"))
	}
	if path := os.Getenv("SOCKET_PATH"); path != "" {
		return net.Listen("unix", path)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
}

func main() {
	greeting := os.Getenv("GREETING")
	pages := http.NewServeMux()
	pages.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/" {
			http.NotFound(answer, request)
			return
		}
		fmt.Fprintf(answer, "%s, visitor %d\n", greeting, visitors.Add(1))
	})
	pages.HandleFunc("/slow", func(answer http.ResponseWriter, request *http.Request) {
		time.Sleep(3 * time.Second)
		fmt.Fprintln(answer, "At last.")
	})
	pages.HandleFunc("/healthz", func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprintln(answer, "ok")
	})

	listener, err := listen()
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: pages, ReadHeaderTimeout: time.Minute}
	asked, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	<-asked.Done()
	// No new connection is accepted: those wait in the socket for the next process. This one ends after its last answer.
	limit, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		log.Fatal(err)
	}
}
