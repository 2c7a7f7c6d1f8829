// Sends requests at a steady rate, whether or not the ones before were answered, and writes down what became of each.
//
//	load -url http://127.0.0.1:8080 -host api.localhost:8080 -rate 200 -out requests.jsonl
//
// It ends when its standard input does, and once what is under way has been answered. A line of the file is
// [kind, number, sent, seconds, status, error]: sent is when the request was due, in seconds since 1970, and error
// is empty where an answer came that is right. The user agent bench/<kind>/<number> finds it in the log of a proxy.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// After this long without an answer a request is lost.
	patience = 10 * time.Second
	// What is under way when a release begins takes so long.
	long = 3 * time.Second
	// Of an upload, in bytes: its length has 7 digits, and the proxy hands it on as it comes.
	large = 1 << 20
	// Connections that stay, of each version of HTTP.
	kept11, kept2 = 20, 3
	// Whoever is refused asks again after this long.
	pause = 100 * time.Millisecond
)

var (
	answer     = []byte(`{"data":{"__typename":"Query"}}`)
	slowAnswer = []byte(`{"data":{"slow":3}}`)
)

type target struct{ url, host string }

func main() {
	log.SetFlags(0)
	var to target
	flag.StringVar(&to.url, "url", "", "where it connects to")
	flag.StringVar(&to.host, "host", "", "the name that it asks for")
	rate := flag.Int("rate", 200, "requests a second")
	out := flag.String("out", "", "the file that it writes")
	flag.Parse()
	file, err := os.OpenFile(*out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	book := &book{to: bufio.NewWriter(file)}
	send(ctx, to, *rate, book)
	if err := errors.Join(book.to.Flush(), file.Close()); err != nil {
		log.Fatal(err)
	}
}

// send returns when all has been answered or given up.
func send(ctx context.Context, to target, rate int, book *book) {
	var under sync.WaitGroup
	defer under.Wait()
	for kind, ask := range map[string]func(context.Context, target, string) (int, error){
		"slow": slow, "upload": upload, "subscription": subscription,
	} {
		under.Go(func() {
			for number := 0; ctx.Err() == nil; number++ {
				due := time.Now()
				status, err := ask(ctx, to, agent(kind, number))
				if ctx.Err() != nil && errors.Is(err, context.Canceled) {
					err = nil // a subscription that we end
				}
				book.write(kind, number, due, status, err)
				if err != nil {
					time.Sleep(pause)
				}
			}
		})
	}
	clients := clients()
	kinds := []string{"keep-alive", "http2", "keep-alive", "new", "keep-alive", "http2", "keep-alive", "new", "keep-alive", "http2"}
	began := time.Now()
	for number := 0; ; number++ {
		due := began.Add(time.Duration(number) * time.Second / time.Duration(rate))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		kind := kinds[number%len(kinds)]
		round := number / len(kinds)
		client := clients[kind][number/2%len(clients[kind])]
		under.Go(func() {
			// What is under way when the load ends is waited for.
			within, done := context.WithTimeout(context.Background(), patience-time.Since(due))
			defer done()
			status, err := quick(within, client, to, agent(kind, number), round%2 == 0)
			book.write(kind, number, due, status, err)
		})
	}
}

func agent(kind string, number int) string { return fmt.Sprintf("bench/%s/%d", kind, number) }

// clients are those of each kind, which take turns.
func clients() map[string][]*http.Client {
	found := map[string][]*http.Client{"new": {{Transport: &http.Transport{DisableKeepAlives: true}}}}
	for range kept11 {
		found["keep-alive"] = append(found["keep-alive"], &http.Client{Transport: &http.Transport{}})
	}
	for range kept2 {
		found["http2"] = append(found["http2"], &http.Client{Transport: version2()})
	}
	return found
}

// version2 speaks HTTP/2 from the first byte where there is no TLS, and by agreement where there is.
func version2() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: protocols}
}

// opaque is a body that Go cannot send a second time by itself.
type opaque struct{ io.Reader }

// quick asks for what needs neither the database nor Temporal.
func quick(ctx context.Context, client *http.Client, to target, name string, post bool) (int, error) {
	method, path, body := http.MethodGet, "/graphql?query=%7B__typename%7D", io.Reader(http.NoBody)
	if post {
		method, path, body = http.MethodPost, "/graphql", opaque{strings.NewReader(`{"query":"{__typename}"}`)}
	}
	return exchange(ctx, client, to, name, method, path, body, -1, answer)
}

func slow(_ context.Context, to target, name string) (int, error) {
	ctx, done := context.WithTimeout(context.Background(), long+patience)
	defer done()
	body := opaque{strings.NewReader(`{"query":"{slow(seconds:3)}"}`)}
	return exchange(ctx, new(http.Client), to, name, http.MethodPost, "/graphql", body, -1, slowAnswer)
}

func upload(_ context.Context, to target, name string) (int, error) {
	ctx, done := context.WithTimeout(context.Background(), long+patience)
	defer done()
	head := `{"query":"{__typename}","variables":{"all":"`
	foot := `"}}`
	whole := head + strings.Repeat("a", large-len(head)-len(foot)) + foot
	body := opaque{&drip{left: []byte(whole), each: large / 30, every: long / 30}}
	return exchange(ctx, new(http.Client), to, name, http.MethodPost, "/graphql", body, large, answer)
}

// drip hands out `each` bytes at a time.
type drip struct {
	left  []byte
	each  int
	every time.Duration
}

func (d *drip) Read(into []byte) (int, error) {
	if len(d.left) == 0 {
		return 0, io.EOF
	}
	time.Sleep(d.every)
	given := copy(into, d.left[:min(d.each, len(d.left))])
	d.left = d.left[given:]
	return given, nil
}

var errSubscription = errors.New("ended without being completed")

// subscription reads events until it is completed, which is how it ends well.
func subscription(ctx context.Context, to target, name string) (int, error) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	body := strings.NewReader(`{"query":"subscription{seconds}"}`)
	silent := time.AfterFunc(patience, done)
	request, err := ask(ctx, to, name, http.MethodPost, "/graphql", body, -1)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0, silence(silent, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, fmt.Errorf("status %d", response.StatusCode)
	}
	completed := false
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		silent.Reset(patience)
		completed = completed || lines.Text() == "event: complete"
	}
	if err := lines.Err(); err != nil {
		return response.StatusCode, silence(silent, err)
	}
	if !completed {
		return response.StatusCode, errSubscription
	}
	return response.StatusCode, nil
}

// silence tells the end that we put to a silent connection from the one that the load's end does.
func silence(silent *time.Timer, err error) error {
	if silent.Stop() {
		return err
	}
	return context.DeadlineExceeded
}

func ask(ctx context.Context, to target, name, method, path string, body io.Reader, length int64) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, to.url+path, body)
	if err != nil {
		return nil, err
	}
	request.Host = to.host
	request.Header.Set("User-Agent", name)
	request.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	if length >= 0 {
		request.ContentLength = length
	}
	return request, nil
}

var errAgain = errors.New("sent again: its connection was closed")

// exchange sends one request once. What Go would quietly send again, as a browser does, is an error here.
func exchange(
	ctx context.Context, client *http.Client, to target, name, method, path string, body io.Reader, length int64, expected []byte,
) (int, error) {
	var connections atomic.Int32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connections.Add(1) },
	})
	request, err := ask(ctx, to, name, method, path, body, length)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	switch {
	case response.StatusCode < 200 || response.StatusCode > 299:
		return response.StatusCode, fmt.Errorf("status %d", response.StatusCode)
	case err != nil:
		return response.StatusCode, err
	case !bytes.Equal(got, expected):
		return response.StatusCode, fmt.Errorf("another answer: %.80q", got)
	case connections.Load() > 1:
		return response.StatusCode, errAgain
	}
	return response.StatusCode, nil
}

// book is the file; many write to it.
type book struct {
	mutex sync.Mutex
	to    *bufio.Writer
}

func (b *book) write(kind string, number int, due time.Time, status int, err error) {
	line, _ := json.Marshal([]any{
		kind, number, float64(due.UnixMicro()) / 1e6, float64(time.Since(due).Microseconds()) / 1e6, status, reason(err),
	})
	b.mutex.Lock()
	defer b.mutex.Unlock()
	_, _ = b.to.Write(append(line, '\n'))
	if err != nil { // whoever reads along sees at once what was lost, and all that came before
		_ = b.to.Flush()
	}
}

// reason names what a client sees: the same words for the same thing, whichever layer noticed it.
func reason(err error) string {
	var network net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed"
	}
	// What comes before the last colon is where: addresses, which differ from one to the next.
	told := err.Error()
	if !strings.HasPrefix(told, "another answer") && !errors.Is(err, errAgain) {
		told = told[strings.LastIndex(told, ": ")+1:]
	}
	return strings.TrimSpace(told)
}
