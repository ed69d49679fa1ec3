// How long a program is held up by the collector: a large live heap, records replaced at random in batches of 50,
// each batch timed. args: megabytes batches
package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

type Record struct {
	id   int
	name string
	data []int
}

func record(i int) *Record { return &Record{i, "record number " + strconv.Itoa(i), []int{i, i + 1, i + 2}} }

func rss() int {
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "VmRSS:") {
			v, _ := strconv.Atoi(strings.Fields(l)[1])
			return v / 1024
		}
	}
	return 0
}

func main() {
	megabytes, _ := strconv.Atoi(os.Args[1])
	batches, _ := strconv.Atoi(os.Args[2])
	var live []*Record
	for rss() < megabytes {
		for i := 0; i < 10000; i++ {
			live = append(live, record(i))
		}
	}
	before, middle, n, seed := rss(), 0, len(live), 42
	times := make([]float64, batches)
	started := time.Now()
	for b := 0; b < batches; b++ {
		if b == batches/2 {
			middle = rss()
		}
		t := time.Now()
		for i := 0; i < 50; i++ {
			seed = seed * 16807 % 2147483647
			live[seed%n] = record(i)
		}
		times[b] = time.Since(t).Seconds()
	}
	seconds, after := time.Since(started).Seconds(), rss()
	sort.Float64s(times)
	var histogram []string
	at := 0
	for limit := 1e-6; at < batches; limit *= 2 {
		from := at
		for at < batches && times[at] <= limit {
			at++
		}
		histogram = append(histogram, strconv.Itoa(at-from))
	}
	quantile := func(share float64) float64 { return times[int(float64(batches-1)*share)] * 1e3 }
	fmt.Printf("pauses go live_MB=%d records=%d seconds=%.2f p50_ms=%.3f p99_ms=%.3f p999_ms=%.3f max_ms=%.3f middle_MB=%d after_MB=%d histogram=%s\n",
		before, n, seconds, quantile(0.5), quantile(0.99), quantile(0.999), quantile(1), middle, after, strings.Join(histogram, ","))
}
