// Times klauspost's zstd. One request a line on stdin: "c|u|s|d LEVEL OFFSET SIZE CALLS"; the answer is nanoseconds a call, the
// length of the result, nanoseconds of processor time a call and the bytes that were allocated a call. "d" reads a frame at the
// offset. Levels are 1 for SpeedFastest and 3 for the default. Encoders, decoders and destinations are used again, which is the
// fastest way that the library has; "u" makes an encoder for each call, as who has no pool does; "s" is its stream with as
// many goroutines as it takes by default.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"syscall"
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
	create := func(level int, options ...zstd.EOption) *zstd.Encoder {
		speed := zstd.SpeedFastest
		if level == 3 {
			speed = zstd.SpeedDefault
		}
		options = append(options, zstd.WithEncoderLevel(speed), zstd.WithEncoderCRC(true))
		encoder, err := zstd.NewWriter(nil, options...)
		if err != nil {
			panic(err)
		}
		return encoder
	}
	alone := zstd.WithEncoderConcurrency(1)
	encoders := map[int]*zstd.Encoder{1: create(1, alone), 3: create(3, alone)}
	streams := map[int]*zstd.Encoder{1: create(1), 3: create(3)}
	spent := func() int64 {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			panic(err)
		}
		return usage.Utime.Nano() + usage.Stime.Nano()
	}
	var output []byte
	var written bytes.Buffer
	for {
		var kind string
		var level, offset, size, calls int
		if _, err := fmt.Scan(&kind, &level, &offset, &size, &calls); err != nil {
			return
		}
		part := data[offset : offset+size]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		processor := spent()
		start := time.Now()
		for call := 0; call < calls; call++ {
			if kind == "c" {
				output = encoders[level].EncodeAll(part, output[:0])
			} else if kind == "u" {
				encoder := create(level, alone)
				output = encoder.EncodeAll(part, output[:0])
				encoder.Close()
			} else if kind == "s" {
				written.Reset()
				streams[level].Reset(&written)
				if _, err = streams[level].ReadFrom(bytes.NewReader(part)); err != nil {
					panic(err)
				}
				if err = streams[level].Close(); err != nil {
					panic(err)
				}
				output = written.Bytes()
			} else if output, err = decoder.DecodeAll(part, output[:0]); err != nil {
				panic(err)
			}
		}
		wall := float64(time.Since(start).Nanoseconds()) / float64(calls)
		used := float64(spent()-processor) / float64(calls)
		runtime.ReadMemStats(&after)
		fmt.Printf("%.1f %d %.1f %d\n", wall, len(output), used, (after.TotalAlloc-before.TotalAlloc)/uint64(calls))
		if kind == "s" {
			output = nil
		}
	}
}
