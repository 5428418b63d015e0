// Command independent checks a log that `agentos log export --tiles` wrote, with the code that Go's checksum database is
// checked with. It shares nothing with Agent OS but the formats.
//
//	independent DIR VKEY PROOFS
//
// DIR is the exported folder, VKEY the log's key, PROOFS a file of JSON lines as `agentos log prove --json` prints them.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if len(os.Args) != 4 {
		fail("usage: independent DIR VKEY PROOFS")
	}
	dir, vkey, proofs := os.Args[1], os.Args[2], os.Args[3]
	tree := checkpoint(dir, vkey)
	entries := bundles(dir, tree.N)
	stored := rebuild(entries, tree)
	tiles := compareTiles(dir, tree, stored)
	proved := proveFromTiles(dir, tree, entries)
	given := checkGiven(proofs, entries, stored)
	fmt.Printf("entries %d\ntiles %d\nproved %d\ngiven %d\n", len(entries), tiles, proved, given)
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func must(err error, what string, args ...any) {
	if err != nil {
		fail("%s: %v", fmt.Sprintf(what, args...), err)
	}
}

// checkpoint opens the signed note and gives the tree that it names.
func checkpoint(dir, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	must(err, "key")
	msg, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err, "checkpoint")
	signed, err := note.Open(msg, note.VerifierList(verifier))
	must(err, "checkpoint")
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		fail("checkpoint: %q is not origin, size and root", signed.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "checkpoint: size")
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	must(err, "checkpoint: root")
	tree := tlog.Tree{N: size}
	if copy(tree.Hash[:], root) != len(root) || len(root) != tlog.HashSize {
		fail("checkpoint: the root has %d bytes", len(root))
	}
	return tree
}

// bundles reads every entry.
func bundles(dir string, size int64) [][]byte {
	var entries [][]byte
	for n := int64(0); n*256 < size; n++ {
		tile := tlog.Tile{H: height, L: -1, N: n, W: int(min(256, size-n*256))}
		path := strings.Replace(pathOf(tile), "tile/data/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(dir, path))
		must(err, "bundle %d", n)
		for count := 0; count < tile.W; count++ {
			if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
				fail("bundle %d: entry %d is cut off", n, count)
			}
			length := int(data[0])<<8 + int(data[1])
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) != 0 {
			fail("bundle %d: %d bytes too many", n, len(data))
		}
	}
	return entries
}

// rebuild makes the tree from the entries, which is what no forged tile survives.
func rebuild(entries [][]byte, tree tlog.Tree) tlog.HashReaderFunc {
	var all []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			if index >= int64(len(all)) {
				return nil, fmt.Errorf("there is no hash %d", index)
			}
			found = append(found, all[index])
		}
		return found, nil
	})
	for n, entry := range entries {
		hashes, err := tlog.StoredHashes(int64(n), entry, reader)
		must(err, "entry %d", n)
		all = append(all, hashes...)
	}
	root, err := tlog.TreeHash(tree.N, reader)
	must(err, "root")
	if root != tree.Hash {
		fail("root: the entries give %v, and the checkpoint says %v", root, tree.Hash)
	}
	return reader
}

// compareTiles compares every tile with what the entries give.
func compareTiles(dir string, tree tlog.Tree, reader tlog.HashReader) int {
	count := 0
	for _, tile := range tlog.NewTiles(height, 0, tree.N) {
		want, err := tlog.ReadTileData(tile, reader)
		must(err, "tile %s", tile.Path())
		got, err := os.ReadFile(filepath.Join(dir, pathOf(tile)))
		must(err, "tile %s", tile.Path())
		if !bytes.Equal(want, got) {
			fail("tile %s is not what the entries give", pathOf(tile))
		}
		count++
	}
	return count
}

// proveFromTiles makes proofs from the tiles alone and checks them against the checkpoint.
func proveFromTiles(dir string, tree tlog.Tree, entries [][]byte) int {
	reader := tlog.TileHashReader(tree, directory(dir))
	count := 0
	for n := int64(0); n < tree.N; n += 1 + tree.N/500 {
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		must(err, "proof of entry %d", n)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(entries[n])), "entry %d", n)
		count++
		if n == 0 {
			continue
		}
		old, err := tlog.TreeHash(n, reader)
		must(err, "root over %d entries", n)
		grown, err := tlog.ProveTree(tree.N, n, reader)
		must(err, "proof of growth from %d", n)
		must(tlog.CheckTree(grown, tree.N, tree.Hash, n, old), "growth from %d", n)
		count++
	}
	return count
}

type given struct {
	Index   *int64   `json:"index"`
	OldSize int64    `json:"old_size"`
	OldRoot string   `json:"old_root"`
	Size    int64    `json:"size"`
	Root    string   `json:"root"`
	Proof   []string `json:"proof"`
}

// checkGiven checks the proofs that the log's own software made.
func checkGiven(path string, entries [][]byte, reader tlog.HashReader) int {
	file, err := os.Open(path)
	must(err, "proofs")
	defer file.Close()
	lines := bufio.NewScanner(file)
	count := 0
	for lines.Scan() {
		var line given
		must(json.Unmarshal(lines.Bytes(), &line), "proof %d", count)
		var proof []tlog.Hash
		for _, each := range line.Proof {
			proof = append(proof, hash(each))
		}
		root, err := tlog.TreeHash(line.Size, reader)
		must(err, "root over %d entries", line.Size)
		if root != hash(line.Root) {
			fail("proof %d: another root over %d entries", count, line.Size)
		}
		if line.Index != nil {
			leaf := tlog.RecordHash(entries[*line.Index])
			must(tlog.CheckRecord(proof, line.Size, root, *line.Index, leaf), "proof %d", count)
		} else {
			old, err := tlog.TreeHash(line.OldSize, reader)
			must(err, "root over %d entries", line.OldSize)
			if old != hash(line.OldRoot) {
				fail("proof %d: another root over %d entries", count, line.OldSize)
			}
			must(tlog.CheckTree(proof, line.Size, root, line.OldSize, old), "proof %d", count)
		}
		count++
	}
	must(lines.Err(), "proofs")
	return count
}

func hash(text string) tlog.Hash {
	data, err := hex.DecodeString(text)
	must(err, "hash %s", text)
	if len(data) != tlog.HashSize {
		fail("hash %s: %d bytes", text, len(data))
	}
	return tlog.Hash(data)
}

// pathOf gives the path of C2SP tlog-tiles: that of the checksum database without the height.
func pathOf(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

type directory string

func (dir directory) Height() int { return height }

func (dir directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(dir), pathOf(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (dir directory) SaveTiles([]tlog.Tile, [][]byte) {}
