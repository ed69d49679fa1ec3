// sync.Mutex, N times locked and unlocked, by one goroutine or by K that give way while they hold it. argv: N free|K
package main

import ("fmt"; "os"; "runtime"; "strconv"; "sync"; "time")

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	var mu sync.Mutex
	count := 0
	t := time.Now()
	if os.Args[2] == "free" {
		for i := 0; i < n; i++ { mu.Lock(); count++; mu.Unlock() }
	} else {
		k, _ := strconv.Atoi(os.Args[2])
		var wg sync.WaitGroup
		wg.Add(k)
		for g := 0; g < k; g++ {
			go func() {
				for i := 0; i < n/k; i++ { mu.Lock(); count++; runtime.Gosched(); mu.Unlock() }
				wg.Done()
			}()
		}
		wg.Wait()
	}
	d := time.Since(t)
	fmt.Printf("lock go P=%d mode=%s n=%d ns_each=%.1f check=%d\n", runtime.GOMAXPROCS(0), os.Args[2], n, float64(d.Nanoseconds())/float64(n), count)
}
