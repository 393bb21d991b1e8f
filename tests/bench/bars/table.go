package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

const megabyte = 1e6

func (f footprint) String() string {
	text := fmt.Sprintf("%s, %s RSS, %s anonymous", seconds(f.synced.cpu), megabytes(f.synced.rss), megabytes(f.synced.anonymous))
	if f.collected.rss > 0 {
		text += fmt.Sprintf(" (collected: %s, %s)", megabytes(f.collected.rss), megabytes(f.collected.anonymous))
	}
	return text
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/megabyte) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// A table has one row per bar and data set.
type table struct {
	judged bool // the size is that of the bars
	rows   [][]string
}

var header = []string{"what", "data", "bar", "kube-remedy", "", "client-go typed", "typed, JSON", "dynamic"}

// Bars of design: megabytes of RSS and anonymous memory, seconds of CPU, milliseconds, seconds, writes.
var (
	podsMemory  = [2]float64{45, 32}
	nodesMemory = [2]float64{24, 9}
	idleMemory  = [2]float64{20, 6}
	podsCPU     = map[string]time.Duration{"uniform": time.Second, "realistic": 1200 * time.Millisecond}
)

const (
	createdBar  = 15 * time.Millisecond
	actedBar    = 30 * time.Millisecond
	actedP99Bar = 80 * time.Millisecond
	stormBar    = 2 * time.Second
	writesBar   = 4
)

func (t *table) add(set string, m measurement) {
	peers := func(cell func(footprint) string) (cells []string) {
		for _, client := range peerClients {
			if f, ok := m.peers[client]; ok {
				cells = append(cells, cell(f))
			}
		}
		return cells
	}
	typed := func(f footprint) []string {
		if m.peers == nil {
			return nil
		}
		return []string{both(f.synced), "", ""}
	}
	t.memory("memory, pod policies, synced", set, podsMemory, m.pods, peers(func(f footprint) string { return both(f.synced) }))
	if m.peers != nil {
		t.row("the same, all garbage given back", set, "", "", "", peers(func(f footprint) string { return both(f.collected) }))
	}
	t.row("CPU until synced", set, "<= "+seconds(podsCPU[set]), seconds(m.pods.synced.cpu), t.verdict(m.pods.synced.cpu <= podsCPU[set]),
		peers(func(f footprint) string { return seconds(f.synced.cpu) }))
	t.memory("memory, node policies only", set, nodesMemory, m.nodes, typed(m.peersNodes))
	t.memory("memory, idle without policy", set, idleMemory, m.idle, typed(m.peersIdle))
	if len(m.single.acted) == 0 {
		return
	}
	created, acted, late := m.single.created.at(50), m.single.acted.at(50), m.single.acted.at(99)
	t.row("symptom to Remediation, P50", set, "<= "+milliseconds(createdBar), milliseconds(created), t.verdict(created <= createdBar), nil)
	t.row("symptom to first action, P50 / P99", set, "<= "+milliseconds(actedBar)+" / "+milliseconds(actedP99Bar),
		milliseconds(acted)+" / "+milliseconds(late), t.verdict(acted <= actedBar && late <= actedP99Bar), nil)
	n := len(m.storm.acted)
	t.row(fmt.Sprintf("%d at once, all acted on", n), set, "<= "+seconds(stormBar),
		fmt.Sprintf("%s at %.0f writes/s", seconds(m.storm.whole), m.storm.writeRate), t.verdict(m.storm.whole <= stormBar), nil)
	t.row(fmt.Sprintf("%d at once, writes each until acted on", n), set, fmt.Sprintf("<= %d", writesBar),
		fmt.Sprintf("%.1f, at most %d", m.storm.untilActed, m.storm.worstWrites), t.verdict(m.storm.worstWrites <= writesBar), nil)
}

// memory is a row of RSS and anonymous memory, in megabytes of 1,000,000 bytes.
func (t *table) memory(what, set string, bar [2]float64, f footprint, peers []string) {
	met := float64(f.synced.rss) <= bar[0]*megabyte && float64(f.synced.anonymous) <= bar[1]*megabyte
	t.row(what, set, fmt.Sprintf("<= %.0f / %.0f MB", bar[0], bar[1]), both(f.synced), t.verdict(met), peers)
}

func both(u usage) string {
	return fmt.Sprintf("%.1f / %.1f MB", float64(u.rss)/megabyte, float64(u.anonymous)/megabyte)
}

func (t *table) verdict(met bool) string {
	switch {
	case !t.judged:
		return "not judged"
	case met:
		return "met"
	default:
		return "MISSED"
	}
}

func (t *table) row(what, set, bar, ours, verdict string, peers []string) {
	cells := append([]string{what, set, bar, ours, verdict}, peers...)
	for len(cells) < len(header) {
		cells = append(cells, "")
	}
	t.rows = append(t.rows, cells)
}

// print writes the table as Markdown, aligned, ready for docs/performance.md.
func (t *table) print(out io.Writer, o options) {
	fmt.Fprintf(out, "\n%d nodes, %d pods; memory is RSS / anonymous\n", o.nodes, o.pods)
	if !t.judged {
		fmt.Fprintf(out, "fewer than the %d nodes and %d pods that the bars are about\n", fullNodes, fullPods)
	}
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	line := func(row []string, fill string) {
		for i, cell := range row {
			fmt.Fprintf(out, "|%s%s%s%s", fill, cell, strings.Repeat(fill, widths[i]-utf8.RuneCountInString(cell)), fill)
		}
		fmt.Fprintln(out, "|")
	}
	line(header, " ")
	line(make([]string, len(header)), "-")
	for _, row := range t.rows {
		line(row, " ")
	}
}
