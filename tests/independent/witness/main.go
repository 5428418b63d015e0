// Command witness is a witness (C2SP tlog-witness) that shares nothing with Agent OS but the formats: that of the
// transparency-dev project, with its state in memory.
//
//	witness NAME VKEY...
//
// NAME is what it is called, each VKEY the key of a log that it knows. It prints its URL and its key, and serves until its
// stdin ends.
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

// cosignature is the type of keys that cosign with Ed25519.
const cosignature = 4

func main() {
	if len(os.Args) < 3 {
		fail("usage: witness NAME VKEY...")
	}
	name, logs := os.Args[1], verifiers(os.Args[2:])
	signer, vkey := newKey(name)
	w, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(),
		Signers:     []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			verifier, known := logs[origin]
			return verifier, known, nil
		},
	})
	must(err, "witness")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err, "listen")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", witness.NewHTTPHandler(w).AddCheckpoint)
	go func() { must(http.Serve(listener, mux), "serve") }()
	fmt.Printf("http://%s\n%s\n", listener.Addr(), vkey)
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err, "stdin")
}

// verifiers are the logs' keys, by their origins.
func verifiers(vkeys []string) map[string]note.Verifier {
	logs := map[string]note.Verifier{}
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		must(err, "key of a log")
		logs[verifier.Name()] = verifier
	}
	return logs
}

// newKey makes a key, and spells its public half as those who check cosignatures want it.
func newKey(name string) (note.Signer, string) {
	skey, _, err := note.GenerateKey(rand.Reader, name)
	must(err, "key")
	signer, err := f_note.NewSignerForCosignatureV1(skey)
	must(err, "signer")
	// PRIVATE+KEY+name+id+key; base64 may hold a plus, too.
	secret, err := base64.StdEncoding.DecodeString(strings.SplitN(skey, "+", 5)[4])
	must(err, "key")
	public := ed25519.NewKeyFromSeed(secret[1:]).Public().(ed25519.PublicKey)
	typed := append([]byte{cosignature}, public...)
	id := sha256.Sum256(append([]byte(name+"\n"), typed...))
	return signer, fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(typed))
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}
