// Decoders of github.com/klauspost/compress: `klauspost WAY FOLDER PORT LAYOUT...` prints a line of JSON for each layout.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

func main() {
	way, folder := os.Args[1], os.Args[2]
	dictionary, err := os.ReadFile(filepath.Join(folder, "dictionary.dict"))
	if err != nil {
		panic(err)
	}
	for _, layout := range os.Args[4:] {
		stored, err := os.ReadFile(filepath.Join(folder, layout))
		if err != nil {
			panic(err)
		}
		line := map[string]interface{}{"layout": layout}
		value, err := read(way, stored, dictionary)
		if err != nil {
			line["error"] = err.Error()
		} else {
			hash := sha256.Sum256(value)
			line["size"], line["sha256"] = len(value), hex.EncodeToString(hash[:])
		}
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
}

func read(way string, stored, dictionary []byte) ([]byte, error) {
	var source io.Reader
	// A decoder that has begun to read a source may wait for ever in DecodeAll.
	if way == "reader" {
		source = bytes.NewReader(stored)
	}
	decoder, err := zstd.NewReader(source, zstd.WithDecoderDicts(dictionary))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	if way == "all" {
		return decoder.DecodeAll(stored, nil)
	}
	return io.ReadAll(decoder)
}
