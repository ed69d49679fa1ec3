// two goroutines, one channel: argv: N B (B = 0: no buffer). N values in all.
package main

import ("fmt"; "os"; "runtime"; "strconv"; "time")

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	b, _ := strconv.Atoi(os.Args[2])
	ch := make(chan int, b)
	t := time.Now()
	go func() { for i := 0; i < n; i++ { ch <- i } }()
	sum := 0
	for i := 0; i < n; i++ { sum += <-ch }
	d := time.Since(t)
	fmt.Printf("channel go P=%d n=%d buffer=%d ns_per_value=%.1f check=%d\n", runtime.GOMAXPROCS(0), n, b, float64(d.Nanoseconds())/float64(n), sum)
}
