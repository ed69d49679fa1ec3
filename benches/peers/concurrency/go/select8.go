// one goroutine selects over eight channels, each fed by another goroutine. argv: N
package main

import ("fmt"; "os"; "runtime"; "strconv"; "time")

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	var c [8]chan int
	t := time.Now()
	for k := range c {
		c[k] = make(chan int)
		go func(ch chan int) { for i := 0; i < n/8; i++ { ch <- 1 } }(c[k])
	}
	sum := 0
	for i := 0; i < n/8*8; i++ {
		select {
		case x := <-c[0]: sum += x
		case x := <-c[1]: sum += x
		case x := <-c[2]: sum += x
		case x := <-c[3]: sum += x
		case x := <-c[4]: sum += x
		case x := <-c[5]: sum += x
		case x := <-c[6]: sum += x
		case x := <-c[7]: sum += x
		}
	}
	d := time.Since(t)
	fmt.Printf("select8 go P=%d n=%d ns_per_value=%.1f check=%d\n", runtime.GOMAXPROCS(0), n, float64(d.Nanoseconds())/float64(n), sum)
}
