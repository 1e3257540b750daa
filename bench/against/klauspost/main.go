// Times klauspost's zstd. One request a line on stdin: "c|u|d LEVEL OFFSET SIZE CALLS"; the answer is nanoseconds a call, the
// length of the result and the bytes that were allocated a call. "d" reads a frame at the offset. Levels are 1 for
// SpeedFastest and 3 for the default. Encoders, decoders and destinations are used again, which is the fastest way that the
// library has; "u" makes an encoder for each call, as who has no pool does.
package main

import (
	"fmt"
	"os"
	"runtime"
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
	create := func(level int) *zstd.Encoder {
		speed := zstd.SpeedFastest
		if level == 3 {
			speed = zstd.SpeedDefault
		}
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
		if err != nil {
			panic(err)
		}
		return encoder
	}
	encoders := map[int]*zstd.Encoder{1: create(1), 3: create(3)}
	var output []byte
	for {
		var kind string
		var level, offset, size, calls int
		if _, err := fmt.Scan(&kind, &level, &offset, &size, &calls); err != nil {
			return
		}
		part := data[offset : offset+size]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for call := 0; call < calls; call++ {
			if kind == "c" {
				output = encoders[level].EncodeAll(part, output[:0])
			} else if kind == "u" {
				encoder := create(level)
				output = encoder.EncodeAll(part, output[:0])
				encoder.Close()
			} else if output, err = decoder.DecodeAll(part, output[:0]); err != nil {
				panic(err)
			}
		}
		spent := float64(time.Since(start).Nanoseconds()) / float64(calls)
		runtime.ReadMemStats(&after)
		fmt.Printf("%.1f %d %d\n", spent, len(output), (after.TotalAlloc-before.TotalAlloc)/uint64(calls))
	}
}
