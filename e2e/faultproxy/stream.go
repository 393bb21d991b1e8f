package faultproxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

var (
	errServerCut = errors.New("the server cut its answer")
	errCut       = errors.New("cut by a rule")
)

// stream copies the body of an answer as it comes, up to what the rule lets through. Any error means that the
// client must not take the answer for complete.
func (x *exchange) stream(body io.Reader) error {
	if change, ok := eventFaults[x.rule.Fault.Events]; ok && x.request.IsWatch() {
		events := newEventReader(body, x.request.IsStreamingList(), change)
		defer events.Close()
		body = events
	}
	out := http.NewResponseController(x.client)
	cutAfter, freezeAfter := x.rule.Fault.CutStreamAfter, x.rule.Fault.FreezeStreamAfter
	buffer := make([]byte, chunk)
	// The headers alone are news to a client that waits for a watch to begin.
	if err := out.Flush(); err != nil {
		return err
	}
	for sent := int64(0); ; {
		if cutAfter != nil && sent == *cutAfter {
			return errCut
		}
		if freezeAfter != nil && sent == *freezeAfter {
			if !x.freeze() {
				return errCut
			}
			freezeAfter = nil
		}
		n, err := body.Read(buffer[:room(sent, x.sip(), cutAfter, freezeAfter)])
		if n > 0 {
			if _, err := x.client.Write(buffer[:n]); err != nil {
				return err
			}
			if err := out.Flush(); err != nil {
				return err
			}
			sent += int64(n)
			if x.rule.Fault.Trickle > 0 && !x.delay(time.Duration(n)*time.Second/time.Duration(x.rule.Fault.Trickle)) {
				return errCut
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", errServerCut, err)
		}
	}
}

// sip is how much is passed on at once: a fiftieth of what may pass in a second where that is limited.
func (x *exchange) sip() int64 {
	if trickle := x.rule.Fault.Trickle; trickle > 0 {
		return min(chunk, max(1, trickle/50))
	}
	return chunk
}

// room is how much may be read before the next limit is reached.
func room(sent, most int64, limits ...*int64) int64 {
	left := most
	for _, limit := range limits {
		if limit != nil {
			left = min(left, *limit-sent)
		}
	}
	return left
}

// endToEnd copies headers without those that concern one connection only.
func endToEnd(header http.Header) http.Header {
	out := header.Clone()
	hopByHop := []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"}
	for _, name := range slices.Concat(hopByHop, header.Values("Connection")) {
		out.Del(name)
	}
	return out
}
