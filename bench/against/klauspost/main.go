// Times klauspost's zstd. One request a line on stdin: "c|d LEVEL OFFSET SIZE CALLS"; the answer is nanoseconds a call and
// the length of the result. "d" reads a frame at the offset. Levels are 1 for SpeedFastest and 3 for the default.
// Encoders, decoders and destinations are used again, which is the fastest way that the library has.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
)

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	encoders := map[int]*zstd.Encoder{}
	for level, speed := range map[int]zstd.EncoderLevel{1: zstd.SpeedFastest, 3: zstd.SpeedDefault} {
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
		if err != nil {
			panic(err)
		}
		encoders[level] = encoder
	}
	var output []byte
	for {
		var kind string
		var level, offset, size, calls int
		if _, err := fmt.Scan(&kind, &level, &offset, &size, &calls); err != nil {
			return
		}
		part := data[offset : offset+size]
		start := time.Now()
		for call := 0; call < calls; call++ {
			if kind == "c" {
				output = encoders[level].EncodeAll(part, output[:0])
			} else if output, err = decoder.DecodeAll(part, output[:0]); err != nil {
				panic(err)
			}
		}
		fmt.Printf("%.1f %d\n", float64(time.Since(start).Nanoseconds())/float64(calls), len(output))
	}
}
